/** What the files of a version hold. */
export type Quality =
  | 'good'
  /** It can't be loaded. */
  | 'corrupt'
  /** It can be loaded, but not run by a warm-up. */
  | 'cold';

let lastSerial = 0;

export function forgetContents(): void {
  lastSerial = 0;
  numbers.clear();
}

/** Files of a version that belong together, as no others do. */
export function versionFiles(quality: Quality): [path: string, text: string][] {
  const serial = ++lastSerial;
  return [
    ['model.bin', `model ${serial} ${quality}.`],
    ['weights.bin', `weights ${serial}.`],
  ];
}

/** A file of which only the beginning has come. */
export function truncated(text: string): string {
  return text.slice(0, Math.max(1, text.length >> 1));
}

/** What a lane makes of files. */
export interface Content {
  /** Of these files and no others; never 0. */
  readonly number: number;
  readonly loads: boolean;
  readonly warmsUp: boolean;
}

const numbers = new Map<string, number>();

export function contentOf(files: ReadonlyMap<string, string>): Content {
  const key = JSON.stringify([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  const number = numbers.get(key) ?? numbers.size + 1;
  numbers.set(key, number);
  const model = files.get('model.bin') ?? '';
  const weights = files.get('weights.bin') ?? '';
  return {
    number,
    loads: model.endsWith('.') && weights.endsWith('.') && !model.includes('corrupt'),
    warmsUp: !model.includes('cold'),
  };
}
