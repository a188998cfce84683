/** Datatypes of the v2 protocol, as they stand in requests and metadata. */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BF16',
  'BYTES',
] as const;

export type Datatype = (typeof DATATYPES)[number];

/** Size of one element in bytes; 0 for BYTES, whose elements carry their own length. */
export const BYTE_SIZES: Readonly<Record<Datatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BF16: 2,
  BYTES: 0,
};

export function isDatatype(text: string): text is Datatype {
  return Object.hasOwn(BYTE_SIZES, text);
}

/** Name in a model configuration: `TYPE_FP32`; BYTES is `TYPE_STRING` there. */
export function toConfigType(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

/** Datatype of a configuration name, undefined for `TYPE_INVALID` and unknown names. */
export function fromConfigType(configType: string): Datatype | undefined {
  if (configType === 'TYPE_STRING') return 'BYTES';
  const name = configType.startsWith('TYPE_') ? configType.slice(5) : '';
  return name !== 'BYTES' && isDatatype(name) ? name : undefined;
}
