import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { payloadErrors } from '#naiad/errors/catalogue.js';
import { sharedMemoryErrors } from '#naiad/errors/shared-memory-errors.js';
import type { InferInput, RequestedOutput, RequestProblems } from '#naiad/inference/request.js';
import type { SharedMemoryRef } from '#naiad/inference/shared-memory-ref.js';
import type { RequestForm } from '#naiad/service/check-request.js';
import { type HeldRegions, holdRegions } from '#naiad/service/shared-memory-request.js';
import { SharedMemoryRegions } from '#naiad/shm/regions.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';

const MIB = 1 << 20;
/** What is copied on the serving thread, and what is not. */
const SIZES = [16, 3 * MIB] as const;
const REGION_BYTES = 8 * MIB;

let folder: string;
let regions: SharedMemoryRegions;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-shm-'));
  writeFileSync(join(folder, 'object'), Buffer.alloc(REGION_BYTES, 'abcdefgh'));
  regions = new SharedMemoryRegions({ folder, copiesBytesMax: REGION_BYTES });
  regions.register({ name: 'r', key: '/object', offset: 0, byteSize: REGION_BYTES });
});

afterEach(() => {
  regions.unregister('');
  rmSync(folder, { recursive: true });
});

const part = (offset: number, byteSize: number, region = 'r'): SharedMemoryRef => ({
  region,
  offset,
  byteSize,
});

function anInput(name: string, sharedMemory?: SharedMemoryRef): InferInput {
  const data = Buffer.from('raw');
  return sharedMemory === undefined
    ? { name, datatype: 'UINT8', shape: [3], byteLength: 3, data }
    : {
        name,
        datatype: 'UINT8',
        shape: [],
        byteLength: sharedMemory.byteSize,
        data: Buffer.alloc(0),
        sharedMemory,
      };
}

function anOutput(name: string, sharedMemory?: SharedMemoryRef): RequestedOutput {
  return { name, classification: 0, ...(sharedMemory !== undefined && { sharedMemory }) };
}

function aForm(
  inputs: readonly InferInput[],
  outputs: readonly RequestedOutput[] = [],
  problems: Partial<RequestProblems> = {},
): RequestForm {
  return {
    id: '',
    inputs,
    outputs,
    problems: { parameters: null, outputs: null, payload: null, ...problems },
  };
}

const aTensor = (name: string, data: Uint8Array): NamedTensor => ({
  name,
  datatype: 'UINT8',
  shape: [data.length],
  data,
});

function hold(form: RequestForm): HeldRegions {
  const held = holdRegions(regions, form);
  if (held === null) throw new Error('the request names no shared memory');
  return held;
}

/** Whether nothing of the region is held. */
function isFree(): boolean {
  regions.unregister('r');
  return regions.status('').length === 0;
}

it('is of no concern to requests that name none', () => {
  expect(holdRegions(regions, aForm([anInput('a')], [anOutput('o')]))).toBe(null);
  expect(holdRegions(null, aForm([anInput('a')], [anOutput('o')]))).toBe(null);
});

it.each([
  ['input', aForm([anInput('a', part(0, 1))])],
  ['output', aForm([], [anOutput('o', part(0, 1))])],
])('is refused in an %s where it is not allowed', (_what, form) => {
  expect(() => holdRegions(null, form)).toThrow(
    expect.objectContaining({
      code: 'UNIMPLEMENTED',
      message: "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
    }),
  );
});

describe('of several mistakes', () => {
  const UNKNOWN = part(0, 1, 'unknown');
  const UNKNOWN_TEXT = "Unable to find shared memory region: 'unknown'";
  const payload = payloadErrors.missing('m', 'b');
  const outputs = sharedMemoryErrors.needsByteSize('p');

  it.each<[string, RequestForm, string]>([
    [
      'a parameter comes first',
      aForm([anInput('a', UNKNOWN)], [], { parameters: payloadErrors.missing('m', 'x') }),
      "unable to find data for input tensor 'x'",
    ],
    [
      'an input twice comes before its region',
      aForm([anInput('a', UNKNOWN), anInput('a')]),
      "input 'a' already exists in request",
    ],
    [
      "the first input's region comes before the second's data",
      aForm([anInput('a', UNKNOWN)], [], { payload }),
      UNKNOWN_TEXT,
    ],
    [
      "an input's data come before an output's region",
      aForm([anInput('a', part(0, 1))], [anOutput('o', UNKNOWN)], { payload }),
      payload.message,
    ],
    [
      "an output's region comes before the next one's parameters",
      aForm([], [anOutput('o', UNKNOWN), anOutput('p')], { outputs }),
      UNKNOWN_TEXT,
    ],
    [
      "an output's parameters come last",
      aForm([anInput('a', part(0, 1))], [anOutput('p')], { outputs }),
      outputs.message,
    ],
  ])('%s', (_what, form, message) => {
    expect(() => holdRegions(regions, form)).toThrow(message);
    expect(isFree()).toBe(true);
  });
});

describe.each(SIZES)('tensors of %i bytes', (size) => {
  it('are read when the request comes, the others stay as they are', async () => {
    const inputs = [anInput('a', part(3, size)), anInput('b'), anInput('c', part(0, 2))];
    const held = hold(aForm(inputs, [anOutput('o', part(0, size))]));
    const form = await held.received(aForm(inputs, [anOutput('o')]));
    writeFileSync(join(folder, 'object'), Buffer.alloc(REGION_BYTES));
    const [a, b, c] = form.inputs;
    expect(Buffer.from(a?.data ?? []).equals(Buffer.alloc(size, 'defghabc'))).toBe(true);
    expect(a).toMatchObject({ name: 'a', byteLength: size, owned: true });
    expect(b).toBe(inputs[1]);
    expect(c).toMatchObject({ data: Buffer.from('ab') });
    expect(form.outputs).toEqual([anOutput('o')]);
    held.release();
    expect(isFree()).toBe(true);
  });

  it('are written where they are wanted, and carry no bytes then', async () => {
    const wanted = [anOutput('o', part(5, size)), anOutput('p')];
    const tensors = [aTensor('o', Buffer.alloc(size, 'Z')), aTensor('p', Buffer.from('p'))];
    const held = hold(aForm([], wanted));
    expect(await held.write(wanted, tensors)).toEqual([
      { ...tensors[0], data: new Uint8Array(0), sharedMemory: part(5, size) },
      tensors[1],
    ]);
    held.release();
    const object = readFileSync(join(folder, 'object'));
    expect(object.subarray(0, 5).toString()).toBe('abcde');
    expect(object.subarray(5, 5 + size).equals(Buffer.alloc(size, 'Z'))).toBe(true);
    expect(object.subarray(5 + size, 8 + size)).toEqual(
      Buffer.alloc(8 + size, 'abcdefgh').subarray(5 + size),
    );
    expect(object).toHaveLength(REGION_BYTES);
  });

  it('are all left when one is not to be had', async () => {
    const last = part(4 * MIB, size);
    const form = aForm([anInput('a', part(0, size)), anInput('b', last)], [anOutput('o', last)]);
    const held = hold(form);
    truncateSync(join(folder, 'object'), 4 * MIB);
    const CUT = { code: 'INTERNAL', message: expect.stringContaining('no longer as large') };
    await expect(held.received(form)).rejects.toMatchObject(CUT);
    const write = async () => held.write(form.outputs, [aTensor('o', new Uint8Array(size))]);
    await expect(write()).rejects.toMatchObject(CUT);
    held.release();
    expect(isFree()).toBe(true);
  });
});

it('is not written when an output does not fit', () => {
  const wanted = [anOutput('o', part(0, 4)), anOutput('p', part(8, 4))];
  const held = hold(aForm([], wanted));
  expect(() => held.write(wanted, [aTensor('o', Buffer.alloc(4)), aTensor('p', Buffer.alloc(5))])).toThrow(
    expect.objectContaining({
      code: 'INTERNAL',
      message:
        "shared memory size specified with the request for output 'p' (4 bytes) should be at least 5 bytes to hold the results",
    }),
  );
  expect(readFileSync(join(folder, 'object')).subarray(0, 4).toString()).toBe('abcd');
  held.release();
});

it('is not copied beyond what all requests may hold together', () => {
  const first = hold(aForm([anInput('a', part(0, REGION_BYTES))]));
  const second = aForm([anInput('a', part(0, 1))], [anOutput('o', part(0, REGION_BYTES))]);
  expect(() => holdRegions(regions, second)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  first.release();
  hold(second).release();
  expect(isFree()).toBe(true);
});
