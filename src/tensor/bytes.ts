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

/** Gets the place of an element in the data, its length prefix left out; refuses it by returning false. */
export type VisitElement = (start: number, end: number, index: number) => boolean;

/**
 * Walks the elements of a BYTES tensor: 4-byte little-endian length, then the element. Stops at the
 * first irregularity. Without `visit` elements are only counted.
 */
export function walkBytes(data: Uint8Array, elementsMax: number, visit: VisitElement | null): BytesWalk {
  const size = data.length;
  let offset = 0;
  let elements = 0;
  while (offset < size) {
    const start = offset + 4;
    if (start > size) return { kind: 'prefix-cut', available: size - offset };
    if (elements === elementsMax) return { kind: 'surplus', elements: elements + 1 };
    const length = readUint32(data, offset);
    const end = start + length;
    if (end > size) return { kind: 'element-cut', length, available: size - start };
    // Offsets rather than views: making a view costs more than all the rest of a step.
    if (visit !== null && !visit(start, end, elements)) return { kind: 'refused', element: elements };
    offset = end;
    elements++;
  }
  return { kind: 'complete', elements };
}

/** The elements of a well-formed BYTES tensor as views. */
export function splitBytes(data: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  walkBytes(data, Number.POSITIVE_INFINITY, (start, end) => elements.push(data.subarray(start, end)) > 0);
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
    ((data[offset] as number) |
      ((data[offset + 1] as number) << 8) |
      ((data[offset + 2] as number) << 16) |
      ((data[offset + 3] as number) << 24)) >>>
    0
  );
}
