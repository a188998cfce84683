/** Where everything that is simulated lies. */
export const ROOT = '/sim';

type Contents = ReadonlyMap<string, string>;

/** Files that exist for a simulation only: folders by their path, each with files by relative path. */
export class VirtualDisk {
  readonly #folders = new Map<string, () => Contents>();

  /** `contents` is asked at each access. */
  place(directory: string, contents: () => Contents): void {
    this.#folders.set(directory, contents);
  }

  /** All files below a folder, by path relative to it. */
  filesIn(directory: string): Contents {
    for (let folder = directory; folder !== ''; folder = folder.slice(0, folder.lastIndexOf('/'))) {
      const contents = this.#folders.get(folder)?.();
      if (contents === undefined) continue;
      const prefix = directory === folder ? '' : `${directory.slice(folder.length + 1)}/`;
      return new Map(
        [...contents].flatMap(([path, text]) =>
          path.startsWith(prefix) ? [[path.slice(prefix.length), text] as const] : [],
        ),
      );
    }
    return new Map();
  }

  read(path: string): string | undefined {
    const slash = path.lastIndexOf('/');
    return this.filesIn(path.slice(0, slash)).get(path.slice(slash + 1));
  }
}

let mounted: VirtualDisk | null = null;

/** Has `node:fs/promises`, mocked by {@link virtualPromises}, read from `disk` what is below {@link ROOT}. */
export function mount(disk: VirtualDisk): void {
  mounted = disk;
}

type FsPromises = typeof import('node:fs/promises');

/** What the code under test uses of `node:fs/promises`, with the mounted disk below {@link ROOT}. */
export function virtualPromises(real: FsPromises): Partial<Record<keyof FsPromises, unknown>> {
  const isVirtual = (path: unknown): path is string =>
    typeof path === 'string' && path.startsWith(`${ROOT}/`);
  return {
    ...real,
    open: async (path: string, ...rest: []) => (isVirtual(path) ? handleOf(path) : real.open(path, ...rest)),
    stat: async (path: string) => {
      if (!isVirtual(path)) return real.stat(path);
      const isDirectory = (mounted?.filesIn(path).size ?? 0) > 0;
      if (!isDirectory && mounted?.read(path) === undefined) throw missing(path);
      return { isDirectory: () => isDirectory, isFile: () => !isDirectory };
    },
    realpath: async (path: string) => (isVirtual(path) ? path : real.realpath(path)),
  };
}

function handleOf(path: string): object {
  const text = mounted?.read(path);
  if (text === undefined) throw missing(path);
  const bytes = Buffer.from(text);
  return {
    stat: async () => ({ size: bytes.length, isFile: () => true }),
    readFile: async () => bytes,
    close: async () => {},
  };
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
}
