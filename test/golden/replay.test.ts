import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusName } from '../support/client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  type Answer,
  agrees,
  type Case,
  type Json,
  type JsonObject,
  readCases,
  type Step,
  toRecordedInfer,
  toRequest,
} from './answers.js';
import { KNOWN_DIFFERENCES } from './known-differences.js';

const SHARED = resolve(process.env.NAIAD_SHARED ?? resolve(import.meta.dirname, '../../../shared'));
const ANSWERS = join(SHARED, 'golden/triton-answers.json');
const PYTHON = process.env.NAIAD_PYTHON ?? 'python3';

const RPCS = new Set([
  'ModelInfer',
  'ModelMetadata',
  'ModelConfig',
  'ModelReady',
  'ServerReady',
  'ServerMetadata',
]);
const CATEGORIES = new Set([
  'server',
  'ready',
  'metadata',
  'infer',
  'validation',
  'typed',
  'parameters',
  'bytes',
  'classification',
  'config',
]);
/** Models that need what this server does not serve. */
const UNSUPPORTED = /^(seq_|ens|ragged|decoupled|slow|cached|warm)/;

/** Why the recording can't be replayed here; '' when it can. */
function obstacle(): string {
  if (!existsSync(ANSWERS)) return `no recorded answers at ${ANSWERS} (set NAIAD_SHARED)`;
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, onnx'], { stdio: 'ignore' });
    return '';
  } catch {
    return `${PYTHON} can't import numpy and onnx (set NAIAD_PYTHON)`;
  }
}

function modelOf(step: Step): string {
  const request = step.request ?? {};
  return String(request.model_name ?? request.name ?? '');
}

function isSupported({ category, group, steps }: Case): boolean {
  return (
    group === 'main' &&
    CATEGORIES.has(category) &&
    steps.every((step) => step.grpc !== undefined && RPCS.has(step.grpc) && !UNSUPPORTED.test(modelOf(step)))
  );
}

const reason = obstacle();
if (reason !== '') console.warn(`golden answers skipped: ${reason}`);
const cases = reason === '' ? readCases(ANSWERS).filter(isSupported) : [];

describe.skipIf(reason !== '')('answers of a real Triton', () => {
  let server: TestServer;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'naiad-golden-'));
    execFileSync(PYTHON, [join(SHARED, 'golden/make_models.py'), join(folder, 'made')]);
    const loaded = [
      ...readFileSync(join(folder, 'made/main.flags'), 'utf8').matchAll(/--load-model=(\S+)/g),
    ].map((match) => String(match[1]));
    for (const name of readdirSync(join(folder, 'made/main'))) {
      if (!loaded.includes(name) || UNSUPPORTED.test(name)) continue;
      cpSync(join(folder, 'made/main', name), join(folder, 'repository', name), { recursive: true });
    }
    server = await startTestServer({ modelRepositories: [join(folder, 'repository')] });
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads every model of the recording that it supports', () => {
    expect(server.server.modelTable().filter(({ status }) => status !== 'READY')).toEqual([]);
  });

  async function answerOf(step: Step): Promise<Answer> {
    const method = step.grpc ?? '';
    try {
      const response = (await server.client.call(
        method,
        toRequest(method, step.request ?? {}),
      )) as JsonObject;
      return { status: 'OK', response: method === 'ModelInfer' ? toRecordedInfer(response) : response };
    } catch (error) {
      const { code, details } = error as ServiceError;
      return { status: statusName(code), message: details };
    }
  }

  it.each(cases.map((golden) => [golden.id, golden] as const))('%s', async (id, golden) => {
    let agreed = true;
    const got: Answer[] = [];
    for (const step of golden.steps) {
      const answer = await answerOf(step);
      if (step.ignore !== true) got.push(answer);
    }
    golden.answers.forEach((expected, index) => {
      const norm = golden.steps[index]?.norm?.sort_io === true;
      agreed &&= agrees(normalise(expected, norm), normalise(got[index] ?? { status: 'none' }, norm));
    });
    if (id in KNOWN_DIFFERENCES) {
      expect(agreed, 'is no longer a difference: take it off the list').toBe(false);
    } else if (!agreed) {
      expect(got).toEqual(golden.answers);
    }
  });
});

/** What two servers can't agree on: the version, and the order of inputs where it was not recorded. */
function normalise(answer: Answer, sortIo: boolean): JsonObject {
  const copy = structuredClone(answer) as unknown as JsonObject;
  const response = copy.response as JsonObject | undefined;
  if (response === undefined) return copy;
  if (typeof response.version === 'string' && 'extensions' in response) {
    response.version = '<VERSION>';
    response.extensions = [];
  }
  delete response.properties;
  dropAbsent(response);
  const holder = (response.config ?? response) as JsonObject;
  if (sortIo) {
    for (const key of ['input', 'output', 'inputs', 'outputs']) {
      if (Array.isArray(holder[key])) {
        (holder[key] as JsonObject[]).sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
      }
    }
  }
  // proto-loader garbles the keys of maps whose keys are 64-bit integers.
  const policies = (holder.dynamic_batching as JsonObject | undefined)?.priority_queue_policy;
  if (policies) (holder.dynamic_batching as JsonObject).priority_queue_policy = Object.values(policies);
  // The number of instances is this server's own choice where the configuration leaves it open.
  for (const group of (holder.instance_group ?? []) as JsonObject[]) group.count = 0;
  return copy;
}

/** Removes what proto-loader adds for sub-messages that are not there. */
function dropAbsent(message: JsonObject): void {
  for (const [key, value] of Object.entries(message)) {
    if (value === null) delete message[key];
    else if (Array.isArray(value)) for (const item of value) dropIfObject(item);
    else dropIfObject(value);
  }
}

function dropIfObject(value: Json): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) dropAbsent(value);
}
