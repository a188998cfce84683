import type { ServingError } from '../../errors/serving-error.js';
import type { RequestParameter } from '../../inference/request-options.js';
import { readSharedMemory } from '../../inference/shared-memory-parameters.js';
import type { SharedMemoryRef } from '../../inference/shared-memory-ref.js';
import { LIMITS } from '../../settings/limits.js';
import type { WireReader } from '../../wire/reader.js';
import { WireError } from '../../wire/wire-error.js';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { newContents, surveyContents, type TypedContents } from './contents.js';
import { readParameter } from './parameters.js';

// InferInputTensor
const NAME = tagOf(1, WireType.bytes);
const DATATYPE = tagOf(2, WireType.bytes);
const SHAPE = tagOf(3, WireType.varint);
const SHAPE_PACKED = tagOf(3, WireType.bytes);
const PARAMETERS = tagOf(4, WireType.bytes);
const CONTENTS = tagOf(5, WireType.bytes);

/** An input as it stands in the message, before it is known where its data lie. */
export interface InputDraft {
  name: string;
  datatype: string;
  readonly shape: number[];
  /** null when the message has no `contents`; they may be there and empty. */
  contents: TypedContents | null;
  /** Where in shared memory the data lie, or why that can not be told; null = in the message. */
  sharedMemory: SharedMemoryRef | ServingError | null;
}

/** Reads the `InferInputTensor` at the reader's position. Throws WireError. */
export function readInput(reader: WireReader): InputDraft {
  const outerEnd = reader.enter();
  const input: InputDraft = { name: '', datatype: '', shape: [], contents: null, sharedMemory: null };
  let parameters: Map<string, RequestParameter> | null = null;
  while (!reader.atEnd) {
    const tag = reader.tag();
    switch (tag) {
      case NAME:
        input.name = reader.string(LIMITS.nameBytesMax);
        break;
      case DATATYPE:
        input.datatype = reader.string(LIMITS.nameBytesMax);
        break;
      case SHAPE:
        readDim(reader, input.shape);
        break;
      case SHAPE_PACKED: {
        const inputEnd = reader.enter();
        while (!reader.atEnd) readDim(reader, input.shape);
        reader.leave(inputEnd);
        break;
      }
      case PARAMETERS:
        parameters ??= new Map();
        readParameter(reader, parameters);
        break;
      case CONTENTS:
        input.contents ??= newContents();
        surveyContents(reader, input.contents);
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outerEnd);
  if (parameters !== null) input.sharedMemory = readSharedMemory(input.name, parameters);
  return input;
}

function readDim(reader: WireReader, shape: number[]): void {
  shape.push(reader.safeInt64('a dimension'));
  if (shape.length > LIMITS.rankMax)
    throw new WireError(`a shape has more than ${LIMITS.rankMax} dimensions`);
}
