import type { Buffer } from 'node:buffer';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import { ServingError } from '../../errors/serving-error.js';
import type { RequestParameter } from '../../inference/request-options.js';
import { readSharedMemory } from '../../inference/shared-memory-parameters.js';
import type { SharedMemoryRef } from '../../inference/shared-memory-ref.js';
import { invariant } from '../../lib/invariant.js';
import { LIMITS } from '../../settings/limits.js';
import { isDatatype } from '../../tensor/datatype.js';
import { elementCount } from '../../tensor/shape.js';
import { toElements } from './json/elements.js';
import type { JsonReader, JsonValue, Passage } from './json/reader.js';
import type { InputSource, JsonInput } from './json-request.js';
import { arrayOf, type Members, membersOf, textOf, toCount, unsignedOf } from './members.js';

const REGION = 'shared_memory_region';
const OFFSET = 'shared_memory_offset';
const BYTE_SIZE = 'shared_memory_byte_size';
const BINARY_SIZE = 'binary_data_size';

/** An input whose data have been passed over. */
export interface InputDraft {
  readonly members: Members;
  readonly data: Passage | null;
}

/** Reads an element of `inputs`; what is no object has no members. Throws JsonError. */
export function readDraft(reader: JsonReader): InputDraft {
  const members = new Map<string, JsonValue>();
  let data: Passage | null = null;
  if (!reader.isObject) reader.pass();
  else {
    reader.object((name) => {
      if (name === 'data') {
        const passage = reader.pass();
        data ??= passage;
      } else if (members.has(name) || !INPUT_MEMBERS.has(name)) reader.pass();
      else members.set(name, reader.value());
    });
  }
  return { members, data };
}

const INPUT_MEMBERS = new Set(['name', 'datatype', 'shape', 'parameters']);

/** An input of its draft, in Triton's order of checks. Throws ServingError. */
export function toInput(bytes: Buffer, { members, data }: InputDraft): JsonInput {
  const parameters = membersOf(members.get('parameters'));
  const set = [
    ...(data === null ? [] : ['data']),
    ...[BINARY_SIZE, REGION].filter((parameter) => parameters.has(parameter)),
  ];
  if (set.length === 0) throw httpInferenceErrors.noSource();
  if (set.length > 1) throw httpInferenceErrors.sources(set);
  const name = textOf('name', members.get('name'));
  const datatype = textOf('datatype', members.get('datatype'));
  const shape = readShape(members.get('shape'));
  return { name, datatype, shape, source: readSource(bytes, name, datatype, shape, parameters, data) };
}

function readShape(value: JsonValue | undefined): number[] {
  const dims = arrayOf('shape', value);
  if (dims.length > LIMITS.rankMax) throw httpInferenceErrors.rank(LIMITS.rankMax);
  return dims.map((dim) => toCount(unsignedOf('shape', dim)));
}

function readSource(
  bytes: Buffer,
  name: string,
  datatype: string,
  shape: readonly number[],
  parameters: Members,
  data: Passage | null,
): InputSource {
  if (data !== null) return { kind: 'json', data: readData(bytes, name, datatype, shape, data) };
  if (parameters.has(BINARY_SIZE)) {
    return { kind: 'binary', byteSize: toCount(unsignedOf(BINARY_SIZE, parameters.get(BINARY_SIZE))) };
  }
  return { kind: 'shared', ref: readShared(name, parameters) };
}

function readData(
  bytes: Buffer,
  name: string,
  datatype: string,
  shape: readonly number[],
  data: Passage,
): Uint8Array {
  if (!data.isArray) throw httpInferenceErrors.memberKind('data', 'array');
  return readElements(bytes, name, datatype, elementCount(shape), data);
}

/** The values of a passage as raw data of `count` elements. Throws ServingError. */
export function readElements(
  bytes: Buffer,
  name: string,
  datatype: string,
  count: number,
  data: Passage,
): Uint8Array {
  if (!isDatatype(datatype)) throw httpInferenceErrors.datatypeInvalid(name);
  if (datatype === 'FP16' || datatype === 'BF16') {
    throw httpInferenceErrors.datatypeNotInJson(datatype, name);
  }
  // Elements of BYTES are counted where they are checked otherwise, too.
  if (datatype !== 'BYTES' && data.leaves !== count) throw httpInferenceErrors.elementCount();
  const elements = toElements(bytes, data, datatype);
  if (elements instanceof Uint8Array) return elements;
  if (elements === 'string') throw httpInferenceErrors.textKind();
  if (typeof elements === 'string') throw httpInferenceErrors.elementKind(elements);
  throw httpInferenceErrors.elementMisfit(name, datatype, elements.index, elements.text);
}

/** The region that a tensor's parameters name. Throws ServingError. */
export function readShared(tensor: string, members: Members): SharedMemoryRef {
  const parameters = new Map<string, RequestParameter>([
    [REGION, { kind: 'string', value: textOf(REGION, members.get(REGION)) }],
  ]);
  for (const key of [OFFSET, BYTE_SIZE]) {
    if (!members.has(key)) continue;
    const value = BigInt.asIntN(64, unsignedOf(key, members.get(key)));
    parameters.set(key, { kind: 'int64', value });
  }
  const ref = readSharedMemory(tensor, parameters);
  if (ref instanceof ServingError) throw ref;
  invariant(ref !== null, 'a region is named');
  return ref;
}

export function namesSharedMemory(parameters: Members): boolean {
  return parameters.has(REGION);
}
