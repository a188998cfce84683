import { readFileSync } from 'node:fs';
import type { ShmStep } from './shm-step.js';

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** One thing that the recording client did; `ignore` = its answer was not recorded. */
export interface Step extends Partial<ShmStep> {
  readonly grpc?: string;
  readonly request?: JsonObject;
  /** The messages of a stream, which is half-closed after them. */
  readonly requests?: readonly JsonObject[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly http?: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  /** The lines of the metrics page that hold all of some strings, sorted. */
  readonly metrics?: { readonly match: readonly string[] };
  readonly sleep_ms?: number;
  /** Each begins `at_ms` after the first. */
  readonly parallel?: readonly (Step & { readonly at_ms: number })[];
  readonly ignore?: boolean;
  readonly norm?: Norm;
}

/** What was left out of a recorded answer. */
export interface Norm {
  /** Inputs and outputs are sorted by name. */
  readonly sort_io?: boolean;
  /** The models of an index that were kept. */
  readonly only?: readonly string[];
}

/** `status` is a name for gRPC, a number for HTTP. */
export interface Answer {
  readonly status?: string | number;
  readonly message?: string;
  readonly lines?: readonly string[];
  /** Base64 of what was read of shared memory. */
  readonly data?: string;
  readonly response?: JsonObject;
  /** All that came on a stream. */
  readonly responses?: readonly JsonObject[];
  readonly json?: Json;
  readonly text?: string;
  readonly 'content-type'?: string;
  readonly 'content-encoding'?: string;
  readonly binary?: boolean;
  readonly results?: readonly Answer[];
}

export interface Case {
  readonly id: string;
  readonly category: string;
  readonly group: 'main' | 'none';
  readonly steps: readonly Step[];
  readonly answers: readonly Answer[];
}

export function readCases(file: string): Case[] {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };
  return cases;
}

/** Whether the recording has an answer to a step. */
export function isRecorded(step: Step): boolean {
  return step.ignore !== true && step.sleep_ms === undefined;
}

/** The requests of a case, those sent side by side included. */
export function requestsOf({ steps }: Pick<Case, 'steps'>): Step[] {
  return steps
    .flatMap((step): readonly Step[] => step.parallel ?? [step])
    .filter(({ sleep_ms }) => sleep_ms === undefined);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
