import { describe, expect, it } from 'vitest';
import { packTensors } from '#naiad/worker/transfer.js';
import { aTensor } from '../support/instances.js';

const BIG = 64 << 10;
const bytes = (name: string, data: Uint8Array) => aTensor(name, 'UINT8', [data.length], data);

describe('packTensors', () => {
  it('transfers what is big and owns its buffer, and copies nothing', () => {
    const tensor = bytes('big', new Uint8Array(BIG));
    const { tensors, transferList } = packTensors([tensor]);
    expect(tensors[0]).toBe(tensor);
    expect(transferList).toEqual([tensor.data.buffer]);
  });

  it('leaves what is small to structured clone', () => {
    const tensor = bytes('small', new Uint8Array(100));
    const { tensors, transferList } = packTensors([tensor]);
    expect(tensors[0]).toBe(tensor);
    expect(transferList).toEqual([]);
  });

  it('takes a view out of what is behind it, big or small', () => {
    const message = new Uint8Array(10 * BIG).fill(7);
    const views = [message.subarray(8, 8 + BIG), message.subarray(3, 11)];
    const { tensors, transferList } = packTensors(views.map((view, index) => bytes(`${index}`, view)));
    expect(tensors.map(({ data }) => data.buffer.byteLength)).toEqual([BIG, 8]);
    expect(tensors.map(({ data }) => data.every((byte) => byte === 7))).toEqual([true, true]);
    expect(transferList).toEqual([tensors[0]?.data.buffer]);
  });

  it('never touches the pool of Buffers nor shared memory', () => {
    const pooled = Buffer.from('some text of a client');
    const shared = new Uint8Array(new SharedArrayBuffer(BIG));
    const { tensors, transferList } = packTensors([bytes('pooled', pooled), bytes('shared', shared)]);
    expect(tensors.map(({ data }) => data.buffer.byteLength)).toEqual([pooled.length, BIG]);
    expect(transferList).toEqual([tensors[1]?.data.buffer]);
    structuredClone(tensors, { transfer: [...transferList] });
    expect(pooled.toString()).toBe('some text of a client');
    expect(shared.byteLength).toBe(BIG);
  });

  it('lists a buffer of two tensors once', () => {
    const data = new Uint8Array(BIG);
    const { tensors, transferList } = packTensors([bytes('a', data), bytes('b', data)]);
    expect(transferList).toHaveLength(1);
    expect(() => structuredClone(tensors, { transfer: [...transferList] })).not.toThrow();
  });

  it('takes what is empty', () => {
    expect(packTensors([bytes('empty', new Uint8Array(0))]).transferList).toEqual([]);
  });
});
