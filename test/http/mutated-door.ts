import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { TestDoor } from './harness.js';
import { type MutatedRequest, mutatedRequests } from './mutated-requests.js';

const IN_PARALLEL = 50;

/** What a client's mistakes may be answered with; 501 and 503 are for what is not supported or switched off. */
const FITTING = new Set(['refusal', '200', '400', '404', '405', '417', '431', '501', '503']);

/** Sends damaged requests to a door of its own and expects a fitting status for each that has an end. */
export async function expectStatuses(seed: number, count: number): Promise<void> {
  const test = await TestDoor.open();
  const statuses = new Map<string, number>();
  const unfitting: string[] = [];
  let begun: Promise<void>[] = [];
  for (const request of mutatedRequests(seed, count)) {
    begun.push(
      statusOf(test, request).then((status) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (!FITTING.has(status) && (request.isWhole || status !== 'none')) {
          unfitting.push(`${status}: ${request.bytes.toString('latin1').slice(0, 400)}`);
        }
      }),
    );
    if (begun.length < IN_PARALLEL) continue;
    await echoes(test);
    await Promise.all(begun);
    begun = [];
  }
  await Promise.all(begun);
  await test.door.answered();
  await test.close();
  expect(unfitting).toEqual([]);
  expect(statuses.get('200')).toBeGreaterThan(count / 20);
  expect(statuses.get('400')).toBeGreaterThan(count / 20);
  expect(test.log.messages('error')).toEqual([]);
}

/** `none` where the server ends the connection without a word. */
async function statusOf(test: TestDoor, { bytes, isWhole }: MutatedRequest): Promise<string> {
  const socket = test.connect();
  if (isWhole) socket.write(bytes);
  else socket.end(bytes);
  try {
    const reply = await text(socket);
    // Triton's status for it is 500.
    if (reply.includes('Unable to open shared memory region')) return 'refusal';
    return (
      [...reply.matchAll(/^HTTP\/1\.1 (\d+)/gm)]
        .map(([, status]) => status)
        .find((status) => status !== '100') ?? 'none'
    );
  } catch {
    // Closed by the server while there was still something to read for it.
    return 'none';
  }
}

/** A valid request is answered right. */
async function echoes(test: TestDoor): Promise<void> {
  const inputs = [{ name: 'INPUT0', datatype: 'INT32', shape: [2], data: [7, -8] }];
  const { status, json } = await test.ask('POST', '/v2/models/echo/infer', JSON.stringify({ inputs }));
  expect([status, json]).toMatchObject([200, { outputs: [{ name: 'OUTPUT0', data: [7, -8] }] }]);
}
