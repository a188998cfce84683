import { expect } from 'vitest';
import { decodeResponse, encodeRequest } from '../support/infer-protos.js';
import { fp32 } from '../support/messages.js';
import { MODEL_INFER, type RawClient } from '../support/raw-client.js';
import { sendMutated } from '../support/send-mutated.js';
import { openHarness } from './harness.js';

/** Sends damaged messages to a door of its own and expects a fitting status for each. */
export async function expectStatuses(seed: number, count: number): Promise<void> {
  const { door, log } = await openHarness();
  const statuses = await sendMutated({ port: door.port, seed, count, probe: echoes });
  await door.close(0);
  expect([...statuses.keys()].sort()).toEqual(['INVALID_ARGUMENT', 'NOT_FOUND', 'OK']);
  expect([...statuses.values()].reduce((sum, times) => sum + times)).toBe(count);
  expect(statuses.get('INVALID_ARGUMENT')).toBeGreaterThan(count / 3);
  expect(log.lines).toEqual([]);
}

/** A valid request is answered right. */
async function echoes(client: RawClient, round: number): Promise<void> {
  const request = encodeRequest({
    model_name: 'echo',
    id: String(round),
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
    raw_input_contents: [fp32(round)],
  });
  const answer = await client.send(MODEL_INFER, request);
  expect(answer.kind === 'ok' && decodeResponse(answer.bytes)).toMatchObject({
    id: String(round),
    raw_output_contents: [fp32(round)],
  });
}
