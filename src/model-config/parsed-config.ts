import type { Finding } from './findings.js';
import { fromPlain } from './from-plain.js';
import type { ModelConfig } from './message.js';
import { type Locate, NOWHERE, toFindings } from './problem.js';

/** What a configuration text holds. With an error among the findings `config` is not to be served. */
export interface ParsedConfig {
  readonly config: ModelConfig;
  readonly findings: readonly Finding[];
  readonly locate: Locate;
}

/** A configuration with nothing given, as that of a model without a file. */
export function emptyConfig(): ModelConfig {
  return fromPlain({}).config;
}

/** Reads plain data against the schema; findings get their lines by `locate`. */
export function parsedFrom(plain: unknown, file: string, locate: Locate): ParsedConfig {
  const { config, problems, omitted } = fromPlain(plain);
  const findings = toFindings(problems, file, locate);
  if (omitted > 0) {
    findings.push({ severity: 'error', file, line: 0, message: `and ${omitted} more of this kind` });
  }
  return { config, findings, locate };
}

/** A text that is not well-formed. */
export function malformed(file: string, line: number, message: string): ParsedConfig {
  return {
    config: emptyConfig(),
    findings: [{ severity: 'error', file, line, message }],
    locate: NOWHERE,
  };
}
