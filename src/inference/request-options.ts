import { Buffer } from 'node:buffer';
import { parameterErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import { NO_PARAMETERS, type ParameterValue, type RequestOptions } from './request.js';

/** A parameter with the type that its sender gave it; `unset` when it carries no value at all. */
export type RequestParameter =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int64'; readonly value: bigint }
  | { readonly kind: 'uint64'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'unset' };

/** Options as far as they could be read, and the first parameter that could not. */
export interface ParsedOptions {
  readonly options: RequestOptions;
  readonly problem: ServingError | null;
}

/** Triton's bound on sequence ids that are strings. */
const SEQUENCE_ID_BYTES_MAX = 128;

const EMPTY_FINAL_RESPONSE = 'triton_enable_empty_final_response';

/** Names of parameters with a meaning of their own, or kept for Triton. */
const RESERVED: ReadonlySet<string> = new Set([
  'sequence_id',
  'sequence_start',
  'sequence_end',
  'priority',
  'timeout',
  'headers',
  'binary_data_output',
]);

/** Whether no header may become the parameter `name`. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name) || name.startsWith('triton_');
}

type Draft = { -readonly [K in keyof RequestOptions]: RequestOptions[K] };

function newDraft(): Draft {
  return {
    sequenceId: 0n,
    sequenceStart: false,
    sequenceEnd: false,
    priority: 0,
    timeoutUs: 0,
    emptyFinalResponse: false,
    custom: NO_PARAMETERS,
  };
}

/** What a request without parameters asks for. */
export const DEFAULT_OPTIONS: ParsedOptions = Object.freeze({
  options: Object.freeze(newDraft()),
  problem: null,
});

/** Parses the parameters of a request, keys being unique; reading ends at the first that is wrong. */
export function readRequestOptions(parameters: Iterable<readonly [string, RequestParameter]>): ParsedOptions {
  const options = newDraft();
  let custom: Map<string, ParameterValue> | null = null;
  for (const [key, parameter] of parameters) {
    const problem = readOption(options, key, parameter);
    if (problem === 'custom') {
      if (parameter.kind === 'unset' || parameter.kind === 'uint64') {
        return { options, problem: parameterErrors.customType(key) };
      }
      custom ??= new Map();
      custom.set(key, parameter.value);
      options.custom = custom;
    } else if (problem !== null) {
      return { options, problem };
    }
  }
  return { options, problem: null };
}

/** Reads a parameter that has a meaning of its own; `custom` for all others. */
function readOption(
  options: Draft,
  key: string,
  parameter: RequestParameter,
): ServingError | 'custom' | null {
  switch (key) {
    case 'sequence_id':
      return readSequenceId(options, parameter);
    case 'sequence_start':
      if (parameter.kind !== 'bool') return parameterErrors.bool(key);
      options.sequenceStart = parameter.value;
      return null;
    case 'sequence_end':
      if (parameter.kind !== 'bool') return parameterErrors.bool(key);
      options.sequenceEnd = parameter.value;
      return null;
    case EMPTY_FINAL_RESPONSE:
      if (parameter.kind !== 'bool') return parameterErrors.bool(key);
      options.emptyFinalResponse = parameter.value;
      return null;
    case 'priority':
      if (parameter.kind !== 'int64' && parameter.kind !== 'uint64') return parameterErrors.priorityType();
      if (parameter.value < 0n) return parameterErrors.priorityNegative();
      options.priority = toSafeNumber(parameter.value);
      return null;
    case 'timeout':
      if (parameter.kind !== 'int64') return parameterErrors.timeoutType();
      // Triton reads a negative timeout as an unsigned number: next to for ever.
      options.timeoutUs = toSafeNumber(BigInt.asUintN(64, parameter.value));
      return null;
    case 'headers':
    case 'binary_data_output':
      // Words of the HTTP protocol, reserved in requests of any kind.
      return null;
    default:
      return key.startsWith('triton_') ? parameterErrors.reserved() : 'custom';
  }
}

function readSequenceId(options: Draft, parameter: RequestParameter): ServingError | null {
  if (parameter.kind === 'int64') {
    // Sequence ids are unsigned in the model's control input.
    options.sequenceId = BigInt.asUintN(64, parameter.value);
    return null;
  }
  if (parameter.kind !== 'string') return parameterErrors.sequenceId();
  if (Buffer.byteLength(parameter.value) > SEQUENCE_ID_BYTES_MAX) return parameterErrors.sequenceIdLength();
  options.sequenceId = parameter.value;
  return null;
}

function toSafeNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
