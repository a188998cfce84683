/** What a walk over length-prefixed BYTES elements found. */
export type BytesWalk =
  | { readonly kind: 'complete'; readonly elements: number }
  /** Fewer than 4 bytes are left where a length should stand. */
  | { readonly kind: 'prefix-cut'; readonly available: number }
  /** A length reaches over the end. */
  | { readonly kind: 'element-cut'; readonly length: number; readonly available: number }
  /** More elements than `elementsMax`. */
  | { readonly kind: 'surplus'; readonly elements: number }
  /** `visit` refused element `element`. */
  | { readonly kind: 'refused'; readonly element: number };

/**
 * Walks the elements of a BYTES tensor: 4-byte little-endian length, then the element. Stops at the
 * first irregularity. `visit` gets each element as a view and may refuse it by returning false.
 */
export function walkBytes(
  data: Uint8Array,
  elementsMax: number,
  visit: (element: Uint8Array, index: number) => boolean,
): BytesWalk {
  let offset = 0;
  let elements = 0;
  while (offset < data.length) {
    const available = data.length - offset - 4;
    if (available < 0) return { kind: 'prefix-cut', available: available + 4 };
    if (elements === elementsMax) return { kind: 'surplus', elements: elements + 1 };
    const length = readUint32(data, offset);
    if (length > available) return { kind: 'element-cut', length, available };
    offset += 4;
    if (!visit(data.subarray(offset, offset + length), elements)) {
      return { kind: 'refused', element: elements };
    }
    offset += length;
    elements++;
  }
  return { kind: 'complete', elements };
}

/** The elements of a well-formed BYTES tensor as views. */
export function splitBytes(data: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  walkBytes(data, Number.POSITIVE_INFINITY, (element) => elements.push(element) > 0);
  return elements;
}

/** Length-prefixes `elements` into one BYTES tensor. */
export function joinBytes(elements: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const element of elements) size += 4 + element.length;
  const data = new Uint8Array(size);
  const view = new DataView(data.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.length, true);
    data.set(element, offset + 4);
    offset += 4 + element.length;
  }
  return data;
}

function readUint32(data: Uint8Array, offset: number): number {
  return (
    ((data[offset] ?? 0) |
      ((data[offset + 1] ?? 0) << 8) |
      ((data[offset + 2] ?? 0) << 16) |
      ((data[offset + 3] ?? 0) << 24)) >>>
    0
  );
}
