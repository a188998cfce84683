import { parameterErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import type { ParameterValue, RequestOptions } from './request.js';
import { isReserved } from './request-options.js';

/** Request headers that become parameters, and the first that must not. */
export interface ForwardedHeaders {
  readonly parameters: ReadonlyMap<string, string>;
  readonly problem: ServingError | null;
}

const NONE: ForwardedHeaders = { parameters: new Map(), problem: null };

/** The headers whose names `pattern` finds, as string parameters; null = forwards none. */
export function forwardHeaders(
  pattern: RegExp | null,
  headers: Iterable<readonly [name: string, value: string]>,
): ForwardedHeaders {
  if (pattern === null) return NONE;
  const parameters = new Map<string, string>();
  for (const [name, value] of headers) {
    if (!pattern.test(name)) continue;
    if (isReserved(name)) return { parameters, problem: parameterErrors.headerReserved(name) };
    parameters.set(name, value);
  }
  return { parameters, problem: null };
}

/** `options` with forwarded headers, which take the place of parameters that have the same name. */
export function withHeaders(
  options: RequestOptions,
  parameters: ReadonlyMap<string, string>,
): RequestOptions {
  if (parameters.size === 0) return options;
  return { ...options, custom: new Map<string, ParameterValue>([...options.custom, ...parameters]) };
}
