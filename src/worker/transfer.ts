import type { NamedTensor } from '../tensor/tensor.js';

/** Below this a copy of the bytes costs less than handing over their buffer. */
const TRANSFER_BYTES_MIN = 16 << 10;

export interface PackedTensors {
  readonly tensors: readonly NamedTensor[];
  /** Buffers to hand over rather than copy; the sender can't read them afterwards. */
  readonly transferList: readonly ArrayBuffer[];
}

/**
 * Tensors ready to cross a thread border: big ones that own their whole ArrayBuffer are transferred,
 * small ones are left to structured clone. A view on something larger is copied first, since a clone
 * would take everything behind it along, and Node's pooled Buffer memory must never be transferred.
 */
export function packTensors(tensors: readonly NamedTensor[]): PackedTensors {
  const transferList = new Set<ArrayBuffer>();
  const packed = tensors.map((tensor) => {
    const data = ownsBuffer(tensor.data) ? tensor.data : new Uint8Array(tensor.data);
    if (data.byteLength >= TRANSFER_BYTES_MIN) transferList.add(data.buffer as ArrayBuffer);
    return data === tensor.data ? tensor : { ...tensor, data };
  });
  return { tensors: packed, transferList: [...transferList] };
}

function ownsBuffer(data: Uint8Array): boolean {
  return data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
}
