/** A part of a registered shared memory region that a request names instead of carrying the bytes. */
export interface SharedMemoryRef {
  /** Name it was registered by. */
  readonly region: string;
  /** From the start of the region. */
  readonly offset: number;
  readonly byteSize: number;
}
