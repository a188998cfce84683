import { createRequire } from 'node:module';
import { VERSION } from '../settings/version.js';
import { readFlags } from './command.js';
import { EXIT, UsageError } from './exit-codes.js';
import type { Io } from './io.js';

/** Prints this server's version and those that matter for a report of a fault. */
export async function version(argv: readonly string[], io: Io): Promise<number> {
  const { positionals } = readFlags(argv, []);
  if (positionals.length > 0) throw new UsageError(`unexpected argument '${positionals[0]}'`);
  const onnxruntime = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  io.out(
    `naiad ${VERSION} (onnxruntime-node ${onnxruntime.version}, node ${process.versions.node}, ${process.platform}-${process.arch})\n`,
  );
  return EXIT.ok;
}
