import type { InferParameter, InferParameter__Output } from './generated/inference/InferParameter.js';

/** Of requests: whole numbers and bigints are sent as int64, other numbers as double. */
export type ParameterValue = boolean | string | number | bigint;
export type Parameters = Readonly<Record<string, ParameterValue>>;

export function toInferParameters(parameters: Parameters): Record<string, InferParameter> {
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, toInferParameter(value)]));
}

function toInferParameter(value: ParameterValue): InferParameter {
  switch (typeof value) {
    case 'boolean':
      return { boolParam: value };
    case 'string':
      return { stringParam: value };
    case 'bigint':
      return { int64Param: String(value) };
    default:
      return Number.isInteger(value) ? { int64Param: value } : { doubleParam: value };
  }
}

/** 64-bit integers beyond 2^53 are rounded. */
export function fromInferParameters(
  parameters: Readonly<Record<string, InferParameter__Output>>,
): Record<string, boolean | string | number> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([key, { parameterChoice, ...values }]) => {
      const value = parameterChoice && values[parameterChoice];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}
