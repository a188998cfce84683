import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { RequestParameter } from '../../inference/request-options.js';
import { LIMITS } from '../../settings/limits.js';
import type { JsonValue } from './json/reader.js';
import { booleanOf, type Members, textOf, unsignedOf } from './members.js';

const INT64_MAX = 2n ** 63n - 1n;

/**
 * A request parameter as its JSON value has it: integers are such, whatever else has a point or an exponent
 * is a double, and so is an integer beyond 63 bits, as in Triton. Throws INVALID_ARGUMENT.
 */
export function toParameter(key: string, value: JsonValue): RequestParameter {
  switch (typeof value) {
    case 'boolean':
      return { kind: 'bool', value };
    case 'bigint':
      return value > INT64_MAX ? { kind: 'double', value: Number(value) } : { kind: 'int64', value };
    case 'number':
      return { kind: 'double', value };
    case 'string':
      return { kind: 'string', value: textOf(key, value, LIMITS.stringBytesMax) };
    default:
      throw httpInferenceErrors.parameterKind(key);
  }
}

/**
 * The parameters of an inference request; those with a meaning of their own must have its type. Throws
 * INVALID_ARGUMENT.
 */
export function readParameters(members: Members): Map<string, RequestParameter> {
  const { requestItemsMax } = LIMITS;
  if (members.size > requestItemsMax) throw httpInferenceErrors.tooMany('parameters', requestItemsMax);
  const parameters = new Map<string, RequestParameter>();
  for (const [key, value] of members) parameters.set(key, readParameter(key, value));
  return parameters;
}

function readParameter(key: string, value: JsonValue): RequestParameter {
  switch (key) {
    case 'sequence_id':
      return typeof value === 'bigint' && value >= 0n
        ? { kind: 'int64', value: BigInt.asIntN(64, value) }
        : { kind: 'string', value: textOf(key, value) };
    case 'priority':
      return { kind: 'uint64', value: unsignedOf(key, value) };
    case 'timeout':
      return { kind: 'int64', value: BigInt.asIntN(64, unsignedOf(key, value)) };
    case 'sequence_start':
    case 'sequence_end':
    case 'binary_data_output':
      return { kind: 'bool', value: booleanOf(key, value) };
    default:
      if (key.startsWith('triton_')) throw httpInferenceErrors.parameterReserved();
      return toParameter(key, value);
  }
}
