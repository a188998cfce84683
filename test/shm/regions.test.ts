import { execFileSync } from 'node:child_process';
import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { RegionDescription } from '#naiad/shm/region.js';
import { SharedMemoryRegions } from '#naiad/shm/regions.js';
import { HAS_SHARED_MEMORY } from '../support/shared-memory.js';

const OBJECT_BYTES = 3 * 4096;

let folder: string;
let regions: SharedMemoryRegions;

beforeEach(() => {
  folder = mkdtempSync(join(HAS_SHARED_MEMORY ? '/dev/shm' : tmpdir(), 'naiad-shm-'));
  regions = new SharedMemoryRegions({ folder, regionsMax: 4, copiesBytesMax: 1000 });
  anObject('object');
});

afterEach(() => {
  regions.unregister('');
  rmSync(folder, { recursive: true });
});

/** Byte `i` is `i` modulo 251. */
function anObject(name: string, byteSize = OBJECT_BYTES): void {
  writeFileSync(
    join(folder, name),
    Uint8Array.from({ length: byteSize }, (_, i) => i % 251),
  );
}

function aRegion(overrides: Partial<RegionDescription> = {}): RegionDescription {
  return { name: 'r', key: '/object', offset: 0, byteSize: 4096, ...overrides };
}

function failure(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof ServingError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('was expected to throw');
}

/** Files that this process has open below the test's folder. */
function openFiles(): number {
  if (!existsSync('/proc/self/fd')) return 0;
  return readdirSync('/proc/self/fd').filter((entry) => {
    try {
      return readlinkSync(`/proc/self/fd/${entry}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

describe('registering', () => {
  it('makes regions that status tells', () => {
    anObject('other');
    regions.register(aRegion());
    regions.register(aRegion({ name: '', key: 'other', offset: 8192, byteSize: 4096 }));
    expect(regions.status('r')).toEqual([aRegion()]);
    expect(regions.status('')).toEqual([aRegion(), { name: '', key: 'other', offset: 8192, byteSize: 4096 }]);
  });

  const NOT_OPENED = (key: string): object => ({
    code: 'INTERNAL',
    message: `Unable to open shared memory region: '${key}'`,
  });
  const OUTSIDE = {
    code: 'INVALID_ARGUMENT',
    message: "failed to register shared memory region 'r': invalid args",
  };
  const UNALIGNED = {
    code: 'INVALID_ARGUMENT',
    message: "failed to register shared memory region 'r': unable to process address spaceInvalid argument",
  };
  const EMPTY = (key: string): object => ({
    code: 'INVALID_ARGUMENT',
    message: `cannot register shared memory region 'r' - invalid shm key '${key}'`,
  });
  const PREFIX = 'triton_python_backend_shm_region_';
  const RESERVED = (key: string): object => ({
    code: 'INVALID_ARGUMENT',
    message: `cannot register shared memory region 'r' with key '${key}' as the key contains the reserved prefix '${PREFIX}'`,
  });

  it.each<[what: string, wanted: Partial<RegionDescription>, expected: object]>([
    ['an object that is not there', { key: '/nope' }, NOT_OPENED('/nope')],
    ['an object of another folder', { key: '/../secret' }, NOT_OPENED('/../secret')],
    ['an object below the folder', { key: '/folder/object' }, NOT_OPENED('/folder/object')],
    ['a folder', { key: '/folder' }, NOT_OPENED('/folder')],
    ['the folder itself', { key: '.' }, NOT_OPENED('.')],
    ['a link to an object', { key: '/link' }, NOT_OPENED('/link')],
    ['a link to nothing', { key: '/dangling' }, NOT_OPENED('/dangling')],
    ['a pipe', { key: '/pipe' }, NOT_OPENED('/pipe')],
    ['a key with a NUL', { key: '/object\0' }, NOT_OPENED('/object\0')],
    ['a key longer than names are', { key: 'k'.repeat(300) }, NOT_OPENED('k'.repeat(300))],
    ['an empty key', { key: '' }, EMPTY('')],
    ['a key of slashes', { key: '//' }, EMPTY('//')],
    ['a reserved key', { key: `${PREFIX}x` }, RESERVED(`${PREFIX}x`)],
    ['a reserved key behind a slash', { key: `/${PREFIX}x` }, RESERVED(`/${PREFIX}x`)],
    ['more than the object has', { byteSize: OBJECT_BYTES + 1 }, OUTSIDE],
    ['an offset behind the object', { offset: OBJECT_BYTES + 4096, byteSize: 1 }, OUTSIDE],
    ['an end behind the object', { offset: 8192, byteSize: 4097 }, OUTSIDE],
    ['a size that wraps around', { offset: 4096, byteSize: 2 ** 64 - 1 }, OUTSIDE],
    ['an offset that wraps around', { offset: 2 ** 64 - 4096, byteSize: 4096 }, OUTSIDE],
    ['an offset between pages', { offset: 64, byteSize: 64 }, UNALIGNED],
    ['no byte', { byteSize: 0 }, UNALIGNED],
  ])('refuses %s', (_what, wanted, expected) => {
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'folder/object'), 'x');
    symlinkSync(join(folder, 'object'), join(folder, 'link'));
    symlinkSync(join(folder, 'nothing'), join(folder, 'dangling'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const before = openFiles();
    expect(failure(() => regions.register(aRegion(wanted)))).toEqual(expected);
    expect(regions.status('')).toEqual([]);
    expect(openFiles()).toBe(before);
  });

  it('refuses a name that is taken, whatever its object', () => {
    regions.register(aRegion());
    expect(failure(() => regions.register(aRegion({ key: '/nope' })))).toEqual({
      code: 'ALREADY_EXISTS',
      message: "shared memory region 'r' already in manager",
    });
  });

  it('refuses an object that is registered already', () => {
    regions.register(aRegion());
    expect(failure(() => regions.register(aRegion({ name: 'r2', offset: 4096 })))).toEqual({
      code: 'INTERNAL',
      message: "Invalid shared memory region: '/object'",
    });
    regions.unregister('r');
    regions.register(aRegion({ name: 'r2', offset: 4096 }));
  });

  it('refuses more regions than the limit', () => {
    for (let i = 0; i < 4; i++) {
      anObject(`o${i}`);
      regions.register(aRegion({ name: `r${i}`, key: `o${i}` }));
    }
    expect(failure(() => regions.register(aRegion()))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    regions.unregister('r2');
    regions.register(aRegion());
  });

  it.each(['name', 'key'] as const)('refuses a %s of any length', (field) => {
    const wanted = aRegion({ [field]: 'x'.repeat(1 << 20) });
    expect(failure(() => regions.register(wanted)).message.length).toBeLessThan(200);
  });

  it('is not to be had where objects are no files', () => {
    const nowhere = new SharedMemoryRegions({ folder: null });
    expect(failure(() => nowhere.register(aRegion()))).toEqual({
      code: 'UNIMPLEMENTED',
      message: 'Shared memory feature is currently not supported on this system',
    });
    expect(nowhere.status('')).toEqual([]);
    nowhere.unregister('');
  });

  it('finds nothing in a folder that is not there', () => {
    const absent = new SharedMemoryRegions({ folder: join(folder, 'absent') });
    expect(failure(() => absent.register(aRegion()))).toEqual(NOT_OPENED('/object'));
  });
});

describe('unregistering', () => {
  it('forgets one region, and closes its object', () => {
    anObject('other');
    regions.register(aRegion());
    regions.register(aRegion({ name: 's', key: 'other' }));
    const before = openFiles();
    regions.unregister('r');
    regions.unregister('unknown');
    expect(openFiles()).toBe(before - 1);
    expect(regions.status('').map(({ name }) => name)).toEqual(['s']);
    expect(failure(() => regions.status('r'))).toEqual({
      code: 'NOT_FOUND',
      message: "Unable to find system shared memory region: 'r'",
    });
  });

  it('forgets all for an empty name', () => {
    anObject('other');
    regions.register(aRegion());
    regions.register(aRegion({ name: '', key: 'other' }));
    regions.unregister('');
    expect(regions.status('')).toEqual([]);
  });

  it('waits for those that hold the region, and takes no more', () => {
    regions.register(aRegion());
    const first = regions.hold({ region: 'r', offset: 0, byteSize: 8 });
    const second = regions.hold({ region: 'r', offset: 8, byteSize: 8 });
    regions.unregister('r');
    regions.unregister('');
    expect(regions.status('r')).toHaveLength(1);
    expect(failure(() => regions.register(aRegion()))).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(failure(() => regions.hold({ region: 'r', offset: 0, byteSize: 8 }))).toMatchObject({
      code: 'NOT_FOUND',
    });
    first.release();
    expect(second.region.readSync(8, 2)).toEqual(Buffer.from([8, 9]));
    second.release();
    expect(regions.status('')).toEqual([]);
    regions.register(aRegion());
  });
});

describe('holding a part', () => {
  beforeEach(() => regions.register(aRegion({ offset: 4096, byteSize: 100 })));

  it.each([
    [0, 100],
    [99, 1],
    [50, 0],
  ])('from %i, %i bytes', (offset, byteSize) => {
    regions.hold({ region: 'r', offset, byteSize }).release();
  });

  it.each([
    [100, 1, "Invalid offset for shared memory region: 'r'"],
    [2 ** 64 - 1, 1, "Invalid offset for shared memory region: 'r'"],
    [0, 101, "Invalid offset + byte size for shared memory region: 'r'"],
    [99, 2, "Invalid offset + byte size for shared memory region: 'r'"],
    [0, 2 ** 64 - 1, "Invalid offset + byte size for shared memory region: 'r'"],
    [
      16,
      2 ** 64 - 1,
      "Integer overflow detected: byte_size (18446744073709551615) + offset (16) exceeds maximum value (18446744073709551615) for region 'r'",
    ],
  ])('not from %i, %i bytes', (offset, byteSize, message) => {
    expect(failure(() => regions.hold({ region: 'r', offset, byteSize }))).toEqual({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });

  it('not of a region that is not registered', () => {
    expect(failure(() => regions.hold({ region: 'x', offset: 0, byteSize: 1 }))).toEqual({
      code: 'NOT_FOUND',
      message: "Unable to find shared memory region: 'x'",
    });
  });
});

describe('copies', () => {
  it('are bounded in sum', () => {
    const giveBack = regions.reserveCopies(600);
    expect(failure(() => regions.reserveCopies(401))).toMatchObject({ code: 'UNAVAILABLE' });
    regions.reserveCopies(400)();
    giveBack();
    regions.reserveCopies(1000)();
  });
});

describe('bytes of a region', () => {
  const part = (): ReturnType<SharedMemoryRegions['hold']> =>
    regions.hold({ region: 'r', offset: 0, byteSize: 4096 });
  const bytesOf = (from: number, length: number): Buffer =>
    Buffer.from(Uint8Array.from({ length }, (_, i) => (from + i) % 251));

  beforeEach(() => regions.register(aRegion({ offset: 4096 })));

  it('are copies that nobody else has', async () => {
    const { region, release } = part();
    const now = region.readSync(10, 300);
    const later = await region.read(10, 300);
    expect(now).toEqual(bytesOf(4106, 300));
    expect(later).toEqual(now);
    expect([now.byteOffset, now.buffer.byteLength]).toEqual([0, 300]);
    expect([later.byteOffset, later.buffer.byteLength]).toEqual([0, 300]);
    expect(region.readSync(10, 0)).toHaveLength(0);
    release();
  });

  it('are written where they belong, and nothing else', async () => {
    const { region, release } = part();
    region.writeSync(1, Uint8Array.of(255, 254));
    await region.write(4, Uint8Array.of(253));
    region.writeSync(5, new Uint8Array(0));
    const object = readFileSync(join(folder, 'object'));
    const expected = bytesOf(0, OBJECT_BYTES);
    expected.set([255, 254], 4097);
    expected.set([253], 4100);
    expect(object.equals(expected)).toBe(true);
    release();
  });

  it('are those of the object after it was unlinked', () => {
    unlinkSync(join(folder, 'object'));
    anObject('object', 1);
    const { region, release } = part();
    expect(region.readSync(0, 4096)).toEqual(bytesOf(4096, 4096));
    release();
  });

  it('are not to be had of an object that was cut short', async () => {
    const { region, release } = part();
    truncateSync(join(folder, 'object'), 4096 + 100);
    const CUT = { message: "shared memory region 'r' is no longer as large as it was registered" };
    expect(region.readSync(0, 100)).toEqual(bytesOf(4096, 100));
    expect(failure(() => region.readSync(0, 101))).toMatchObject(CUT);
    await expect(region.read(50, 51)).rejects.toMatchObject(CUT);
    expect(failure(() => region.writeSync(100, Uint8Array.of(1)))).toMatchObject(CUT);
    await expect(region.write(0, new Uint8Array(101))).rejects.toMatchObject(CUT);
    // It is the client's own to make longer again.
    expect(statSync(join(folder, 'object')).size).toBe(4096 + 100);
    release();
  });

  it('are read and written to the end, whoever lets go of them meanwhile', async () => {
    const { region, release } = part();
    const reading = region.read(0, 4096);
    const writing = region.write(0, Uint8Array.of(9));
    release();
    regions.unregister('r');
    expect(regions.status('r')).toHaveLength(1);
    expect((await reading).subarray(1)).toEqual(bytesOf(4097, 4095));
    await writing;
    expect(regions.status('')).toEqual([]);
    expect(readFileSync(join(folder, 'object'))[4096]).toBe(9);
  });

  it('may change size and content all the time', async () => {
    const { region, release } = part();
    const fd = openSync(join(folder, 'object'), 'r+');
    const reads: Promise<Uint8Array | null>[] = [];
    for (let round = 0; round < 200; round++) {
      ftruncateSync(fd, round % 2 === 0 ? 5000 : OBJECT_BYTES);
      reads.push(region.read(0, 4096).catch(() => null));
    }
    for (const bytes of await Promise.all(reads)) expect([undefined, 4096]).toContain(bytes?.length);
    release();
  });
});

it('whatever is asked for, refusals are errors for clients and regions lie within their objects', () => {
  mkdirSync(join(folder, 'folder'));
  symlinkSync('/etc/passwd', join(folder, 'link'));
  const number = fc.oneof(
    fc.integer({ min: 0, max: 5 }).map((pages) => pages * 4096),
    fc.integer({ min: 0, max: 2 * OBJECT_BYTES }),
    fc.constantFrom(2 ** 53, 2 ** 63, 2 ** 64, 2 ** 64 - 4096),
  );
  const key = fc.oneof(
    fc.constantFrom(
      'object',
      '/object',
      '//object',
      'folder',
      'link',
      '/link',
      '..',
      '/./object',
      '/../object',
    ),
    fc.string({ unit: fc.constantFrom('/', '.', '\0', 'o', 'x', 'ü') }),
    fc.string({ unit: 'binary' }),
  );
  const command = fc.record({
    wanted: fc.record({ name: fc.constantFrom('', 'a', 'b', 'c'), key, offset: number, byteSize: number }),
    unregister: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      for (const { wanted, unregister } of commands) {
        if (unregister) regions.unregister(wanted.name);
        let isRegistered = false;
        try {
          regions.register(wanted);
          isRegistered = true;
        } catch (error) {
          if (!(error instanceof ServingError)) throw error;
        }
        if (!isRegistered) continue;
        expect(wanted.key.replaceAll('/', '')).toBe('object');
        const { region, release } = regions.hold({
          region: wanted.name,
          offset: 0,
          byteSize: wanted.byteSize,
        });
        expect(region.readSync(0, wanted.byteSize)[0]).toBe(wanted.offset % 251);
        release();
      }
      regions.unregister('');
    }),
    { numRuns: 50 },
  );
  expect(openFiles()).toBe(0);
});
