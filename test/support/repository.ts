import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Files by path relative to the repository, e.g. `m/1/model.onnx`. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A model repository in a temporary folder. */
export class TestRepository {
  readonly directory = mkdtempSync(join(tmpdir(), 'naiad-test-'));

  constructor(files: Files = {}) {
    this.write(files);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }

  /** Absolute path of something in it. */
  path(path: string): string {
    return join(this.directory, path);
  }

  /** A symbolic link at `path` to `target`, relative to the link's folder or absolute. */
  link(path: string, target: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    symlinkSync(target, this.path(path));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** config.pbtxt of a model on the identity backend: FP32 [-1] in, the same out. */
export function identityConfig(parameters: Readonly<Record<string, string>> = {}, extra = ''): string {
  const entries = Object.entries(parameters).map(
    ([key, value]) => `parameters { key: "${key}" value { string_value: "${value}" } }`,
  );
  return `
backend: "identity"
max_batch_size: 8
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
${entries.join('\n')}
${extra}
`;
}

/** An identity model as files of a repository. */
export function identityModel(name: string, config: string): Files {
  return { [`${name}/config.pbtxt`]: config, [`${name}/1/.keep`]: '' };
}
