import { basename, extname } from 'node:path';

/** The name by which scripts and manifests made for Triton start a server. */
const TRITONSERVER = 'tritonserver';

/** The words of a command line, those of `tritonserver` as those of `naiad serve`. `argv` as in `process`. */
export function wordsOf([, program = '', ...words]: readonly string[]): readonly string[] {
  return basename(program, extname(program)) === TRITONSERVER ? ['serve', ...words] : words;
}
