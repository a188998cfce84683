import { readFile } from 'node:fs/promises';
import { LIMITS } from '../settings/limits.js';
import { CommandError, UsageError } from './exit-codes.js';

/** A parameter of a load request, as its message has it. */
export type LoadParameter =
  | { readonly string_param: string }
  | { readonly bytes_param: Buffer }
  | { readonly bool_param: boolean };

/**
 * The parameters that `--config` and `--file` stand for. Throws {@link UsageError} for mistakes of the
 * command line, rejects with {@link CommandError} for files that can't be read.
 */
export async function readLoadParameters(
  configFile: string,
  files: readonly string[],
): Promise<Record<string, LoadParameter>> {
  const parameters: Record<string, LoadParameter> = {};
  const pairs = files.map(readPair);
  if (pairs.length > 0 && configFile === '') {
    throw new UsageError("--file needs --config: the files replace the model's whole folder");
  }
  if (configFile !== '') parameters.config = { string_param: await readConfig(configFile) };
  let bytes = 0;
  for (const [path, file] of pairs) {
    const content = await read(file);
    bytes += content.length;
    if (bytes > LIMITS.messageBytesMax) {
      throw new CommandError(`${file}: all files together have more than ${LIMITS.messageBytesMax} bytes`);
    }
    parameters[`file:${path}`] = { bytes_param: content };
  }
  return parameters;
}

function readPair(text: string): [path: string, file: string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new UsageError(`--file=${text}: expected PATH=FILE, e.g. 1/model.onnx=new.onnx`);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

async function readConfig(file: string): Promise<string> {
  const text = (await read(file)).toString('utf8');
  try {
    JSON.parse(text);
  } catch {
    throw new CommandError(
      `${file} is no JSON; 'naiad models show MODEL' prints a configuration that can be used`,
    );
  }
  return text;
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a folder' : message;
    throw new CommandError(`can't read ${file}: ${reason}`, { cause: error });
  }
}
