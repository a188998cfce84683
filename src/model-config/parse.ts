import { parseJson } from './json.js';
import type { ParsedConfig } from './parsed-config.js';
import { parsePbtxt } from './text-format.js';
import { parseYaml } from './yaml.js';

/** Forms of a configuration file. */
export type ConfigKind = 'pbtxt' | 'json' | 'yaml';

/** Reads the text of a configuration file; `file` is its name in findings. Never throws. */
export function parseConfig(kind: ConfigKind, text: string, file: string): ParsedConfig {
  switch (kind) {
    case 'pbtxt':
      return parsePbtxt(text, file);
    case 'json':
      return parseJson(text, file);
    case 'yaml':
      return parseYaml(text, file);
  }
}
