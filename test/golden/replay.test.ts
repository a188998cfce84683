import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreesWith } from './agreement.js';
import { KNOWN_DIFFERENCES } from './known-differences.js';
import { ANSWERS, obstacle, RecordedServer } from './recorded-servers.js';
import { type Answer, type Case, isRecorded, readCases } from './recording.js';
import { skipReason } from './skipped.js';

const reason = obstacle();
if (reason !== '') console.warn(`golden answers skipped: ${reason}`);
const cases = reason === '' ? readCases(ANSWERS) : [];

describe.skipIf(reason !== '').each(['main', 'none'] as const)('answers of a real Triton, %s', (group) => {
  let recorded: RecordedServer;

  beforeAll(async () => {
    recorded = await RecordedServer.start(group);
  });

  afterAll(async () => {
    await recorded?.stop();
  });

  it.runIf(group === 'main')('loads every model of the recording that it supports', () => {
    const table = recorded.server.server.modelTable();
    expect(table.filter(({ status }) => status !== 'READY')).toEqual([]);
  });

  it.for(cases.filter((golden) => golden.group === group))('$id', async (golden, { skip }) => {
    const why = skipReason(golden);
    if (why !== null) skip(why);
    const got: Answer[] = [];
    for (const step of golden.steps) {
      const answer = await recorded.replayer.answer(step);
      if (isRecorded(step)) got.push(answer);
    }
    const difference = KNOWN_DIFFERENCES[golden.id];
    if (difference === undefined) expectAgreement(golden, golden.answers, got);
    else {
      expect(agrees(golden, golden.answers, got), 'is no difference any more: take it off the list').toBe(
        false,
      );
      expectAgreement(golden, difference.ours(golden.answers), got);
    }
  });

  it.runIf(group === 'main')('serves none of the models that are left out', async () => {
    expect(recorded.leftOut).not.toEqual([]);
    for (const name of recorded.leftOut) {
      const load = { grpc: 'RepositoryModelLoad', request: { model_name: name } };
      expect(await recorded.replayer.answer(load), name).toMatchObject({ status: 'INTERNAL' });
    }
  });
});

it.skipIf(reason !== '').each(Object.keys(KNOWN_DIFFERENCES))('%s is a case that is replayed', (id) => {
  const golden = cases.find((candidate) => candidate.id === id);
  expect(golden && skipReason(golden)).toBe(null);
});

function expectAgreement(golden: Case, expected: readonly Answer[], got: readonly Answer[]): void {
  if (!agrees(golden, expected, got)) expect(got).toEqual(expected);
}

function agrees({ steps }: Case, expected: readonly Answer[], got: readonly Answer[]): boolean {
  return steps
    .filter(isRecorded)
    .every((step, index) => agreesWith(step, expected[index] ?? {}, got[index] ?? {}));
}
