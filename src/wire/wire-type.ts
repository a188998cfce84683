/** The low three bits of a tag: how the value that follows is laid out. */
export const WireType = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  startGroup: 3,
  endGroup: 4,
  fixed32: 5,
} as const;

export type WireType = (typeof WireType)[keyof typeof WireType];

/** Field number and wire type as they stand in front of a value. */
export function tagOf(field: number, type: WireType): number {
  return field * 8 + type;
}
