import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JsonConverter } from '#naiad/http/infer/json-converter.js';
import { JsonPool } from '#naiad/http/infer/json-pool.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { joinBytes } from '#naiad/tensor/bytes.js';
import { RecordedLog } from '../../support/recorded-log.js';

const directory = mkdtempSync(join(tmpdir(), 'json-pool-'));
afterAll(() => rmSync(directory, { recursive: true }));

let log: RecordedLog;
const pools: JsonPool[] = [];
beforeEach(() => {
  log = new RecordedLog();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function aPool(entry?: string): JsonPool {
  const pool = new JsonPool({ threads: 1, log, ...(entry !== undefined && { entry }) });
  pools.push(pool);
  return pool;
}

/** A module in place of the threads' entry. */
function entryOf(name: string, code: string): string {
  const path = join(directory, `${name}.mjs`);
  writeFileSync(path, code);
  return path;
}

const HEAD = '{"inputs":[{"name":"IN","datatype":"FP32","shape":[';

/** The JSON of a request with one input of so many elements, each the same text. */
function aBody(elements: number, text = '0.25'): Buffer {
  const head = `${HEAD}${elements}],"data":[`;
  const end = ']}]}';
  const body = Buffer.allocUnsafeSlow(head.length + (text.length + 1) * elements - 1 + end.length);
  body.write(head);
  body.fill(`${text},`, head.length);
  body.write(end, body.length - end.length);
  return body;
}

/** Turns of the event loop while `work` goes on. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let turns = 0;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await turn();
    turns++;
  }
  return turns;
}

describe('JsonPool', () => {
  it('reads as the serving thread does, and hands the tensors over', async () => {
    const body = aBody(1000);
    const inline = await new JsonConverter(null).read<'infer'>({ kind: 'infer', bytes: Buffer.from(body) });
    const request = await aPool().run<'infer'>({ kind: 'infer', bytes: body });
    expect(request).toMatchObject({ problem: null, inputs: [{ shape: [1000] }] });
    const [source] = request.inputs.map((input) => input.source);
    const [expected] = inline.inputs.map((input) => input.source);
    if (source?.kind !== 'json' || expected?.kind !== 'json') throw new Error('no data');
    expect(Buffer.compare(source.data, expected.data)).toBe(0);
    expect(source.data.buffer.byteLength).toBe(4000);
    // The body, which was alone in its ArrayBuffer, was handed over, too.
    expect(body.length).toBe(0);
  });

  it('copies what shares its buffer', async () => {
    const shared = Buffer.concat([aBody(10_000), Buffer.from('tail')]);
    const bytes = shared.subarray(0, shared.length - 4);
    expect(await aPool().run<'infer'>({ kind: 'infer', bytes })).toMatchObject({ problem: null });
    expect(shared.subarray(-4).toString()).toBe('tail');
  });

  it('tells what is wrong with a text', async () => {
    const tensors = [{ name: 'IN', datatype: 'INT8', shape: [-1] }] as const;
    const request = await aPool().run<'generate'>({
      kind: 'generate',
      bytes: Buffer.from('{"IN":[300]}'),
      tensors,
    });
    expect(request.problem).toEqual({
      stage: 'payload',
      code: 'INVALID_ARGUMENT',
      text: "Unable to parse 'data': element 0 of input 'IN' is 300, which INT8 can't hold",
    });
  });

  it('writes as the serving thread does', async () => {
    const data = Buffer.from(Float64Array.from([1, 0.1, Number.NaN]).buffer);
    const text = await aPool().run<'write'>({ kind: 'write', datatype: 'FP64', data });
    expect(Buffer.from(text ?? []).toString()).toBe('1.0,0.1,NaN');
    const invalid = joinBytes([Buffer.from([0xff])]);
    expect(await aPool().run<'write'>({ kind: 'write', datatype: 'BYTES', data: invalid })).toBe(null);
  });

  it('finds a new thread for the next text when one dies', async () => {
    const entry = entryOf('dies', 'export default async () => { throw new Error("broken"); };');
    const pool = aPool(entry);
    for (let time = 0; time < 2; time++) {
      await expect(pool.run<'infer'>({ kind: 'infer', bytes: aBody(1) })).rejects.toMatchObject({
        code: 'INTERNAL',
        message: 'the thread that converted the JSON has failed, the request was not completed',
      });
    }
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('finishes what it has begun, and begins nothing more', async () => {
    const pool = aPool();
    const begun = pool.run<'infer'>({ kind: 'infer', bytes: aBody(100) });
    await pool.close();
    expect(await begun).toMatchObject({ problem: null });
    await expect(pool.run<'infer'>({ kind: 'infer', bytes: aBody(1) })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});

const never = (): void => {
  throw new Error('small answers are counted when they are sent');
};

describe('JsonConverter', () => {
  it('reads small texts at once', async () => {
    const converter = new JsonConverter(aPool(join(directory, 'there-is-none.mjs')));
    expect(converter.read<'infer'>({ kind: 'infer', bytes: aBody(10) })).toMatchObject({ problem: null });
    const half = Buffer.from(new Float32Array(LIMITS.jsonInlineElements).fill(0.5).buffer);
    expect(Buffer.concat((await converter.write('FP32', half, never)) ?? []).length).toBe(
      4 * LIMITS.jsonInlineElements - 1,
    );
  });

  it('writes large tensors in parts that are whole elements', async () => {
    const converter = new JsonConverter(aPool());
    const strings = Array.from({ length: 400 }, (_, index) => `${index}`.padStart(7001, 'x'));
    const text = await converter.write(
      'BYTES',
      joinBytes(strings.map((value) => Buffer.from(value))),
      () => {},
    );
    expect(text?.length).toBeGreaterThan(3);
    expect(JSON.parse(`[${Buffer.concat(text ?? [])}]`)).toEqual(strings);
    const numbers = Int32Array.from({ length: 600_000 }, (_, index) => index);
    const written = await converter.write('INT32', Buffer.from(numbers.buffer), () => {});
    expect(JSON.parse(`[${Buffer.concat(written ?? [])}]`)).toEqual([...numbers]);
  });

  it('counts large answers while they grow, and stops where it may not', async () => {
    const converter = new JsonConverter(aPool());
    const zeros = Buffer.alloc(3 << 20);
    const held: number[] = [];
    const refusal = new Error('no more');
    const writing = converter.write('INT8', zeros, (bytes) => {
      held.push(bytes);
      if (held.length === 2) throw refusal;
    });
    await expect(writing).rejects.toBe(refusal);
    expect(held).toEqual([2 * (1 << 20) - 1, 2 * (1 << 20) - 1]);
  });

  it('leaves the event loop free for 64 MB', async () => {
    const converter = new JsonConverter(aPool());
    const body = aBody(3_100_000, '0.123456789012345678');
    expect(body.length).toBeGreaterThan(64e6);
    const reading = Promise.resolve(converter.read<'infer'>({ kind: 'infer', bytes: body }));
    // One or two when the loop stands still meanwhile.
    expect(await turnsDuring(reading)).toBeGreaterThan(100);
    const [input] = (await reading).inputs;
    if (input?.source.kind !== 'json') throw new Error('no data');
    const writing = converter.write('FP32', input.source.data.subarray(0, 2 << 20), () => {});
    expect(await turnsDuring(writing)).toBeGreaterThan(100);
    expect((await writing)?.length).toBe(3);
  });
});
