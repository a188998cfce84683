import type { Buffer } from 'node:buffer';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { RequestParameter } from '../../inference/request-options.js';
import type { TensorMetadata } from '../../service/views.js';
import { elementCount, type Shape } from '../../tensor/shape.js';
import { JsonReader, type JsonValue, type Passage } from './json/reader.js';
import type { JsonInput, JsonRequest } from './json-request.js';
import { isMembers, type Members, textOf } from './members.js';
import { readParameters } from './parameters.js';
import { reading } from './read-infer.js';
import { readElements } from './read-inputs.js';

/**
 * Reads the JSON of a generate request: members with the name of an input are that tensor, all others are
 * parameters, as are the members of `parameters`. What is wrong is told by the answer's `problem`.
 */
export function readGenerateRequest(bytes: Buffer, tensors: readonly TensorMetadata[]): JsonRequest {
  return reading((request) => {
    const reader = new JsonReader(bytes);
    const data: (readonly [TensorMetadata, Passage])[] = [];
    const members = new Map<string, JsonValue>();
    const { isObject } = reader;
    if (!isObject) reader.pass();
    else {
      reader.object((name) => {
        const tensor = tensors.find((candidate) => candidate.name === name);
        if (tensor !== undefined) {
          const passage = reader.pass();
          // With one more than there are, one is there twice, which is refused; the others may be millions.
          if (data.length <= tensors.length) data.push([tensor, passage]);
        } else if (members.has(name)) reader.pass();
        else members.set(name, reader.value());
      });
    }
    reader.end();
    if (!isObject) throw httpInferenceErrors.generateNotObject();
    if (members.has('id')) request.id = textOf('id', members.get('id'));
    request.parameters = parametersOf(members);
    request.stage = 'payload';
    for (const [tensor, passage] of data) request.inputs.push(toInput(bytes, tensor, passage));
  });
}

function parametersOf(members: Members): Map<string, RequestParameter> {
  const all = new Map(members);
  const nested = members.get('parameters');
  all.delete('id');
  all.delete('parameters');
  if (nested !== undefined) {
    if (!isMembers(nested)) throw httpInferenceErrors.generateParameters();
    for (const [key, value] of nested) if (!all.has(key)) all.set(key, value);
  }
  // Triton hands them to the backend like any other, where they mean nothing.
  for (const key of all.keys()) if (key.startsWith('triton_')) all.delete(key);
  return readParameters(all);
}

function toInput(bytes: Buffer, { name, datatype, shape }: TensorMetadata, data: Passage): JsonInput {
  const concrete = toShape(name, shape, data.leaves);
  const elements = readElements(bytes, name, datatype, elementCount(concrete), data);
  return { name, datatype, shape: concrete, source: { kind: 'json', data: elements } };
}

/** The shape of `count` elements: the last variable dimension takes what the others leave, which are 1. */
function toShape(input: string, shape: Shape, count: number): Shape {
  const variable = shape.lastIndexOf(-1);
  const concrete = shape.map((dim) => (dim === -1 ? 1 : dim));
  const rest = count / elementCount(concrete);
  const fits = variable === -1 ? rest === 1 : Number.isInteger(rest);
  if (!fits) throw httpInferenceErrors.generateShape(input);
  if (variable !== -1) concrete[variable] = rest;
  return concrete;
}
