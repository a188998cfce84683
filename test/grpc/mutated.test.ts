import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeResponse, encodeRequest } from '../support/infer-protos.js';
import { fp32 } from '../support/messages.js';
import { mutatedMessages } from '../support/mutator.js';
import { MODEL_INFER, RawClient } from '../support/raw-client.js';
import { type Harness, openHarness } from './harness.js';

/** How many damaged messages are sent here; test/fuzz sends more. */
const MESSAGES = 2000;
const SEED = 20_260_731;
const IN_PARALLEL = 100;

let harness: Harness;
let client: RawClient;

beforeAll(async () => {
  harness = await openHarness();
  client = new RawClient(harness.door.port);
});

afterAll(async () => {
  client.close();
  await harness.door.close(0);
});

describe('damaged messages', () => {
  it(`answers each of ${MESSAGES} with a status of ours, and valid ones between them right`, async () => {
    const codes = new Map<number, number>();
    const messages = mutatedMessages(SEED, MESSAGES);
    for (let start = 0; start < messages.length; start += IN_PARALLEL) {
      const answers = messages
        .slice(start, start + IN_PARALLEL)
        .map((bytes) => client.send(MODEL_INFER, bytes));
      const echoed = await client.send(MODEL_INFER, echoRequest(start));
      expect(echoed.kind === 'ok' && decodeResponse(echoed.bytes)).toMatchObject({
        id: String(start),
        raw_output_contents: [fp32(start)],
      });
      for (const answer of await Promise.all(answers)) {
        const code = answer.kind === 'ok' ? status.OK : answer.code;
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (answer.kind === 'failed') expect(answer.details, `status ${code}`).not.toBe('');
      }
    }
    // UNIMPLEMENTED is what shared memory is answered with.
    const expected = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.UNIMPLEMENTED];
    expect([...codes.keys()].sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
    expect(codes.get(status.INVALID_ARGUMENT)).toBeGreaterThan(MESSAGES / 3);
    expect(harness.log.lines).toEqual([]);
  });
});

function echoRequest(value: number): Buffer {
  return encodeRequest({
    model_name: 'echo',
    id: String(value),
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
    raw_input_contents: [fp32(value)],
  });
}
