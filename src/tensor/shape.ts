/** Dimensions of a tensor; -1 stands for "any" where a shape describes rather than measures. */
export type Shape = readonly number[];

/** Number of elements of a concrete shape; 1 for a scalar. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** `[-1,16]`, the way Triton prints shapes in errors. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

/** Whether a concrete `shape` satisfies `expected`, whose -1 dims accept anything. */
export function shapeMatches(expected: Shape, shape: Shape): boolean {
  return expected.length === shape.length && expected.every((dim, axis) => dim === -1 || dim === shape[axis]);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function hasVariableDim(shape: Shape): boolean {
  return shape.includes(-1);
}
