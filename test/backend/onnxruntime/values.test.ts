import { describe, expect, it } from 'vitest';
import { toOrtValue } from '#naiad/backend/onnxruntime/values.js';
import type { Datatype } from '#naiad/tensor/datatype.js';

const FP32_ROW = new Uint8Array(Float32Array.of(1, 2, 3).buffer);

describe('toOrtValue', () => {
  it('takes aligned bytes where they are', () => {
    const buffer = new ArrayBuffer(24);
    const data = new Uint8Array(buffer, 8, 12);
    data.set(FP32_ROW);
    const value = toOrtValue({ datatype: 'FP32', shape: [3], data });
    expect(value).toEqual({ type: 'float32', dims: [3], data: Float32Array.of(1, 2, 3), location: 'cpu' });
    expect(ArrayBuffer.isView(value.data) && value.data.buffer).toBe(buffer);
  });

  it('copies unaligned bytes, those of Buffers included', () => {
    const holder = Buffer.concat([Buffer.from([0]), FP32_ROW]);
    const value = toOrtValue({ datatype: 'FP32', shape: [3], data: holder.subarray(1) });
    expect(value.data).toEqual(Float32Array.of(1, 2, 3));
  });

  it('leaves single bytes where they are at any offset', () => {
    const buffer = new ArrayBuffer(4);
    const value = toOrtValue({ datatype: 'BOOL', shape: [1], data: new Uint8Array(buffer, 3, 1) });
    expect(ArrayBuffer.isView(value.data) && value.data.buffer).toBe(buffer);
  });

  it('hands FP16 on as bits', () => {
    const value = toOrtValue({ datatype: 'FP16', shape: [2], data: Uint8Array.of(0, 0x3c, 0, 0xc0) });
    expect(value).toMatchObject({ type: 'float16', data: Uint16Array.of(0x3c00, 0xc000) });
  });

  it.each<Datatype>(['BF16'])('has no form for %s', (datatype) => {
    expect(() => toOrtValue({ datatype, shape: [0], data: new Uint8Array(0) })).toThrow(
      `can't carry ${datatype}`,
    );
  });
});
