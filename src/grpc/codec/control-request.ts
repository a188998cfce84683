import { type Buffer, isUtf8 } from 'node:buffer';
import type { ControlParameter } from '../../service/repository-control.js';
import { LIMITS } from '../../settings/limits.js';
import { WireReader } from '../../wire/reader.js';
import { WireError } from '../../wire/wire-error.js';
import { tagOf, WireType } from '../../wire/wire-type.js';

// RepositoryModelLoadRequest and RepositoryModelUnloadRequest, which have the same fields
const REPOSITORY_NAME = tagOf(1, WireType.bytes);
const MODEL_NAME = tagOf(2, WireType.bytes);
const PARAMETERS = tagOf(3, WireType.bytes);
// map<string, ModelRepositoryParameter>
const KEY = tagOf(1, WireType.bytes);
const VALUE = tagOf(2, WireType.bytes);
// ModelRepositoryParameter, a oneof
const BOOL_PARAM = tagOf(1, WireType.varint);
const INT64_PARAM = tagOf(2, WireType.varint);
const STRING_PARAM = tagOf(3, WireType.bytes);
const BYTES_PARAM = tagOf(4, WireType.bytes);

/** The one string that is read; others only have the wrong type. */
const CONFIG = 'config';

/** A request to load or to unload a model. */
export interface ControlMessage {
  readonly repositoryName: string;
  readonly modelName: string;
  /** Contents of files are views on the message. */
  readonly parameters: ReadonlyMap<string, ControlParameter>;
  /** Bytes that texts take besides the message. */
  readonly madeBytes: number;
}

type RawParameter =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: Buffer }
  | { readonly kind: 'bytes'; readonly value: Buffer }
  | { readonly kind: 'other' };

const OTHER = { kind: 'other' } as const;

/**
 * Decodes a load or unload request, which may hold the files of a model: whatever its size, nothing of it
 * is copied but names and the configuration. Throws WireError when `bytes` are no valid message.
 */
export function decodeControlRequest(bytes: Buffer): ControlMessage {
  const reader = new WireReader(bytes);
  let repositoryName = '';
  let modelName = '';
  let madeBytes = 0;
  const parameters = new Map<string, ControlParameter>();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === REPOSITORY_NAME) repositoryName = reader.string(LIMITS.nameBytesMax);
    else if (tag === MODEL_NAME) modelName = reader.string(LIMITS.nameBytesMax);
    else if (tag === PARAMETERS) {
      const [key, raw] = readEntry(reader);
      const parameter = toParameter(key, raw);
      // Of entries with the same key the last one wins.
      parameters.set(key, parameter);
      if (parameter.kind === 'string') madeBytes += parameter.value.length;
      if (parameters.size > LIMITS.requestItemsMax) {
        throw new WireError(`more than ${LIMITS.requestItemsMax} parameters`);
      }
    } else reader.skip(tag);
  }
  return { repositoryName, modelName, parameters, madeBytes };
}

function readEntry(reader: WireReader): [key: string, value: RawParameter] {
  const outerEnd = reader.enter();
  let key = '';
  let value: RawParameter = OTHER;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === KEY) key = reader.string(LIMITS.nameBytesMax);
    else if (tag === VALUE) value = readValue(reader, value);
    else reader.skip(tag);
  }
  reader.leave(outerEnd);
  return [key, value];
}

/** `previous` stays when the message sets nothing: sub-messages that come twice are merged. */
function readValue(reader: WireReader, previous: RawParameter): RawParameter {
  const outerEnd = reader.enter();
  let value = previous;
  while (!reader.atEnd) {
    const tag = reader.tag();
    switch (tag) {
      case BOOL_PARAM:
        value = { kind: 'bool', value: reader.bool() };
        break;
      case STRING_PARAM:
        value = { kind: 'string', value: reader.bytes() };
        break;
      case BYTES_PARAM:
        value = { kind: 'bytes', value: reader.bytes() };
        break;
      case INT64_PARAM:
        value = OTHER;
        reader.skip(tag);
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outerEnd);
  return value;
}

function toParameter(key: string, raw: RawParameter): ControlParameter {
  if (raw.kind !== 'string') return raw;
  if (key !== CONFIG) return OTHER;
  const { length } = raw.value;
  if (length > LIMITS.configBytesMax) {
    throw new WireError(`a configuration of ${length} bytes exceeds ${LIMITS.configBytesMax} bytes`);
  }
  if (!isUtf8(raw.value)) throw new WireError('a string is not valid UTF-8');
  return { kind: 'string', value: raw.value.toString('utf8') };
}
