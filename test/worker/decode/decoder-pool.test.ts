import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { createPictureDecoder } from '#naiad/worker/decode/decoder-pool.js';
import type { DecodedPictures, PictureDecoder } from '#naiad/worker/picture-decoder.js';
import { pngOf, solid } from '../../support/pictures.js';
import { aSpec, dataOf, LogKeeper, pixelAt } from './decoding.js';

const DECODE_THREAD = resolve(import.meta.dirname, '../../../dist/worker/decode/decode-thread.js');
const directory = mkdtempSync(join(tmpdir(), 'decoder-pool-'));
afterAll(() => rmSync(directory, { recursive: true }));

const open: PictureDecoder[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((decoder) => decoder.close()));
});

function start(threads: number, entry?: string): { decoder: PictureDecoder; log: LogKeeper } {
  const log = new LogKeeper();
  const decoder = createPictureDecoder({ threads, log, ...(entry === undefined ? {} : { entry }) });
  open.push(decoder);
  return { decoder, log };
}

/** A module that takes the place of the decode threads' entry. */
function entryOf(name: string, code: string): string {
  const path = join(directory, `${name}.mjs`);
  writeFileSync(path, `import decode from ${JSON.stringify(DECODE_THREAD)};\n${code}`);
  return path;
}

const spec = aSpec();
/** A picture of its own for each number below 256. */
const numbered = (level: number): Uint8Array => pngOf(8, 8, solid([level, 255 - level, 7]));
const levels = (decoded: DecodedPictures, count: number): number[] => {
  const data = dataOf(decoded);
  return Array.from({ length: count }, (_, row) => pixelAt(spec, data, 2, 2, row)[0] ?? -1);
};
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

describe('createPictureDecoder', () => {
  it('starts no thread before the first picture', async () => {
    const { decoder, log } = start(2, join(directory, 'there-is-none.mjs'));
    expect(await decoder.decode(spec, [])).toEqual({ kind: 'decoded', data: new Uint8Array() });
    expect(await decoder.decode(spec, [new Uint8Array()])).toMatchObject({ kind: 'refused' });
    expect(log.lines).toEqual([]);
    await decoder.close();
  });

  it('keeps the order of many pictures, many requests and many threads', async () => {
    const { decoder } = start(3);
    const counts = [1, 2, 3, 7, 8, 37, 64];
    const answers = await Promise.all(
      counts.map((count) => decoder.decode(spec, range(count).map(numbered))),
    );
    for (const [at, count] of counts.entries()) {
      expect(levels(answers[at] as DecodedPictures, count)).toEqual(range(count));
    }
  });

  it('takes copies before it returns, and leaves what it was given', async () => {
    const { decoder } = start(2);
    const message = new Uint8Array(1000);
    const picture = numbered(42);
    message.set(picture, 100);
    const view = message.subarray(100, 100 + picture.byteLength);
    const decoding = decoder.decode(spec, [view, view]);
    expect(message.byteLength).toBe(1000);
    message.fill(0);
    expect(levels(await decoding, 2)).toEqual([42, 42]);
  });

  it('names the first of several pictures that it refuses', async () => {
    const { decoder } = start(2);
    const pictures = range(20).map(numbered);
    for (const at of [18, 13, 11]) pictures[at] = (pictures[at] ?? new Uint8Array()).slice(0, 60);
    expect(await decoder.decode(spec, pictures)).toMatchObject({ kind: 'refused', problem: { index: 11 } });
  });

  it('refuses what would wait with too many others, and takes it when they are done', async () => {
    const { decoder } = start(
      1,
      entryOf('refuse', "export default () => ({ kind: 'refused', problem: { index: 0, reason: 'x' } });"),
    );
    const waiting = decoder.decode(
      spec,
      range(LIMITS.decodingPicturesMax + 1).map(() => numbered(1)),
    );
    await expect(decoder.decode(spec, [numbered(1)])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('waiting to be decoded'),
    });
    await waiting;
    expect(await decoder.decode(spec, [numbered(1)])).toMatchObject({ kind: 'refused' });
  });

  it('counts what pictures become', async () => {
    const { decoder } = start(
      1,
      entryOf(
        'refuse-too',
        "export default () => ({ kind: 'refused', problem: { index: 0, reason: 'x' } });",
      ),
    );
    const wide = aSpec({ width: 16_384, height: 8192, datatype: 'FP32' });
    const waiting = decoder.decode(wide, [numbered(1)]);
    await expect(decoder.decode(wide, [numbered(1)])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await decoder.decode(spec, [numbered(1)])).toMatchObject({ kind: 'refused' });
    await waiting;
    expect(await decoder.decode(wide, [numbered(1)])).toMatchObject({ kind: 'refused' });
  });

  it('waits for what runs when it closes', async () => {
    const { decoder } = start(2);
    const done: string[] = [];
    const decoding = decoder.decode(spec, range(30).map(numbered)).then((decoded) => {
      done.push('decoded');
      return decoded;
    });
    const closing = decoder.close().then(() => done.push('closed'));
    await expect(decoder.decode(spec, [numbered(1)])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(levels(await decoding, 30)).toEqual(range(30));
    await closing;
    expect(done).toEqual(['decoded', 'closed']);
    await decoder.close();
  });
});

describe('a decode thread that dies', () => {
  const failure = { code: 'INTERNAL', message: expect.stringContaining('the thread that decoded') };
  const doomed = pngOf(1, 1, solid([6, 6, 6]));
  const dies = (how: string): string =>
    `export default (task) => task.bytes.byteLength === ${doomed.byteLength} ? ${how} : decode(task);`;

  it.each([
    ['ends', 'process.exit(3)'],
    ['throws outside of a task', 'new Promise(() => setImmediate(() => { throw new Error("boom"); }))'],
  ])('%s: its request fails, the others go on', async (name, how) => {
    const { decoder, log } = start(1, entryOf(name.replaceAll(' ', '-'), dies(how)));
    for (let round = 0; round < 2; round++) {
      const lost = decoder.decode(spec, [doomed]);
      const waiting = decoder.decode(spec, [numbered(17), numbered(18)]);
      await expect(lost).rejects.toMatchObject(failure);
      expect(levels(await waiting, 2)).toEqual([17, 18]);
    }
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('an exception of ours fails the request and keeps the thread', async () => {
    const { decoder } = start(1, entryOf('throw', dies('Promise.reject(new Error("boom"))')));
    await expect(decoder.decode(spec, [doomed])).rejects.toMatchObject(failure);
    expect(levels(await decoder.decode(spec, [numbered(17)]), 1)).toEqual([17]);
  });

  it('while it starts: every request fails, none waits for ever', async () => {
    const { decoder } = start(2, entryOf('never-starts', 'throw new Error("no such codec");'));
    for (let round = 0; round < 3; round++) {
      const requests = range(5).map((level) => decoder.decode(spec, [numbered(level)]));
      for (const request of await Promise.allSettled(requests)) {
        expect(request).toMatchObject({ status: 'rejected', reason: failure });
      }
    }
  });
});
