import { sharedMemoryErrors } from '../errors/shared-memory-errors.js';
import type { InferInput, RequestedOutput } from '../inference/request.js';
import type { ResponseOutput } from '../inference/response.js';
import type { SharedMemoryRef } from '../inference/shared-memory-ref.js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import type { RegionPart, SharedMemoryRegions } from '../shm/regions.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { checkForm, type RequestForm } from './check-request.js';

/** Up to so many bytes of a request are copied on this thread, where handing them to another takes longer. */
const SYNC_BYTES_MAX = 1 << 20;

const NO_BYTES = new Uint8Array(0);

/**
 * Takes hold of the regions that a request names, in Triton's order of checks; null when it names none.
 * Throws ServingError, holding nothing then.
 * @param regions null where clients may not use shared memory
 */
export function holdRegions(regions: SharedMemoryRegions | null, request: RequestForm): HeldRegions | null {
  if (!request.inputs.some(isShared) && !request.outputs.some(isShared)) return null;
  checkForm(request);
  if (regions === null) throw sharedMemoryErrors.disabled();
  const held = new HeldRegions(regions);
  try {
    held.hold(request.inputs);
    if (request.problems.payload !== null) throw request.problems.payload;
    held.hold(request.outputs);
    if (request.problems.outputs !== null) throw request.problems.outputs;
    held.reserve(request.inputs);
  } catch (error) {
    held.release();
    throw error;
  }
  return held;
}

function isShared({ sharedMemory }: { readonly sharedMemory?: SharedMemoryRef }): boolean {
  return sharedMemory !== undefined;
}

/** The parts of regions that one request reads and writes, held until it is answered. */
export class HeldRegions {
  readonly #regions: SharedMemoryRegions;
  readonly #parts = new Map<SharedMemoryRef, RegionPart>();
  #giveBack: (() => void) | null = null;

  constructor(regions: SharedMemoryRegions) {
    this.#regions = regions;
  }

  hold(tensors: readonly { readonly sharedMemory?: SharedMemoryRef }[]): void {
    for (const { sharedMemory } of tensors) {
      if (sharedMemory === undefined || this.#parts.has(sharedMemory)) continue;
      this.#parts.set(sharedMemory, this.#regions.hold(sharedMemory));
    }
  }

  /** Counts the copies that {@link received} will make. */
  reserve(inputs: readonly InferInput[]): void {
    for (const { sharedMemory } of inputs) {
      if (sharedMemory !== undefined && sharedMemory.byteSize > LIMITS.messageBytesMax) {
        throw sharedMemoryErrors.bytesInFlight(LIMITS.messageBytesMax);
      }
    }
    this.#giveBack = this.#regions.reserveCopies(sharedBytes(inputs));
  }

  /** The request with a copy of what its inputs' regions hold now, which nobody changes any more. */
  async received({ id, inputs, outputs, problems }: RequestForm): Promise<RequestForm> {
    return { id, inputs: await this.#readAll(inputs), outputs, problems };
  }

  #readAll(inputs: readonly InferInput[]): readonly InferInput[] | Promise<readonly InferInput[]> {
    if (sharedBytes(inputs) <= SYNC_BYTES_MAX) {
      return inputs.map((input) =>
        input.sharedMemory === undefined ? input : withData(input, this.#readSync(input.sharedMemory)),
      );
    }
    return allSettled(
      inputs.map(async (input) =>
        input.sharedMemory === undefined ? input : withData(input, await this.#read(input.sharedMemory)),
      ),
    );
  }

  /**
   * Writes the tensors that `wanted`, in the same order, has in shared memory; they carry no bytes any
   * more. None is written when one does not fit.
   */
  write(
    wanted: readonly RequestedOutput[],
    outputs: readonly NamedTensor[],
  ): readonly ResponseOutput[] | Promise<readonly ResponseOutput[]> {
    let bytes = 0;
    outputs.forEach(({ name, data }, index) => {
      const ref = wanted[index]?.sharedMemory;
      if (ref === undefined) return;
      if (data.length > ref.byteSize)
        throw sharedMemoryErrors.outputTooSmall(name, ref.byteSize, data.length);
      bytes += data.length;
    });
    const isSync = bytes <= SYNC_BYTES_MAX;
    const writes: Promise<void>[] = [];
    const written = outputs.map((output, index): ResponseOutput => {
      const sharedMemory = wanted[index]?.sharedMemory;
      if (sharedMemory === undefined) return output;
      const { region } = this.#part(sharedMemory);
      if (isSync) region.writeSync(sharedMemory.offset, output.data);
      else writes.push(region.write(sharedMemory.offset, output.data));
      return { ...output, data: NO_BYTES, sharedMemory };
    });
    return isSync ? written : allSettled(writes).then(() => written);
  }

  /** Lets go of all; to be called once, when nothing is read or written any more. */
  release(): void {
    for (const { release } of this.#parts.values()) release();
    this.#parts.clear();
    this.#giveBack?.();
  }

  #part(ref: SharedMemoryRef): RegionPart {
    const part = this.#parts.get(ref);
    invariant(part !== undefined, `region '${ref.region}' is held`);
    return part;
  }

  #readSync(ref: SharedMemoryRef): Uint8Array {
    return this.#part(ref).region.readSync(ref.offset, ref.byteSize);
  }

  #read(ref: SharedMemoryRef): Promise<Uint8Array> {
    return this.#part(ref).region.read(ref.offset, ref.byteSize);
  }
}

function sharedBytes(inputs: readonly InferInput[]): number {
  let bytes = 0;
  for (const { sharedMemory } of inputs) bytes += sharedMemory?.byteSize ?? 0;
  return bytes;
}

function withData({ name, datatype, shape }: InferInput, data: Uint8Array): InferInput {
  return { name, datatype, shape, byteLength: data.length, data, owned: true };
}

/**
 * Like `Promise.all`, but waits for the others when one fails: nothing may be let go of that a call on
 * another thread still uses.
 */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
