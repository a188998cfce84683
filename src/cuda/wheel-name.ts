/** What the name of a wheel tells (PEP 427). */
export interface WheelName {
  /** Normalised as indexes do it: lower case, `-` between words. */
  readonly name: string;
  readonly version: string;
  readonly pythonTags: readonly string[];
  readonly platformTags: readonly string[];
}

/** A machine as wheels' tags name it. */
export interface WheelPlatform {
  readonly machine: 'x86_64' | 'aarch64';
  /** Of glibc, e.g. `2.36`. */
  readonly glibc: string;
}

/** The old names of what is a version of glibc today (PEP 600). */
const LEGACY: Readonly<Record<string, readonly [number, number]>> = {
  manylinux1: [2, 5],
  manylinux2010: [2, 12],
  manylinux2014: [2, 17],
};

/** Reads `name-version(-build)-python-abi-platform.whl`; null for anything else. */
export function parseWheelName(filename: string): WheelName | null {
  if (!filename.endsWith('.whl') || !/^[\w.+!-]+$/.test(filename)) return null;
  const parts = filename.slice(0, -'.whl'.length).split('-');
  if (parts.length !== 5 && parts.length !== 6) return null;
  const [name = '', version = ''] = parts;
  const [python = '', , platform = ''] = parts.slice(-3);
  if (name === '' || version === '') return null;
  return {
    name: normalName(name),
    version,
    pythonTags: python.split('.'),
    platformTags: platform.split('.'),
  };
}

/** The name of a package as indexes want it (PEP 503). */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Whether a wheel's libraries run on this machine; which Python it is made for does not matter for them. */
export function runsOn({ platformTags }: WheelName, platform: WheelPlatform): boolean {
  return platformTags.some((tag) => {
    const glibc = glibcOf(tag, platform.machine);
    return glibc !== null && !isOlder(platform.glibc, glibc);
  });
}

function glibcOf(tag: string, machine: string): readonly [number, number] | null {
  if (!tag.endsWith(`_${machine}`)) return null;
  const base = tag.slice(0, -machine.length - 1);
  const [, major, minor] = /^manylinux_(\d+)_(\d+)$/.exec(base) ?? [];
  if (major !== undefined && minor !== undefined) return [Number(major), Number(minor)];
  return LEGACY[base] ?? null;
}

function isOlder(glibc: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = glibc.split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
