import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { int32sOf, simpleRequest } from '../support/messages.js';
import { mutatedMessages } from '../support/mutator.js';
import { addSub } from '../support/onnx.js';
import { MODEL_INFER, RawClient } from '../support/raw-client.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';

const MESSAGES = 10_000;
const IN_PARALLEL = 100;
const SEED = Number(process.env.NAIAD_FUZZ_SEED ?? 20_261_121);

let repository: TestRepository;
let server: TestServer;
let raw: RawClient;

beforeAll(async () => {
  repository = new TestRepository({
    'simple/1/model.onnx': addSub(),
    'simple/config.pbtxt': 'max_batch_size: 8\ndynamic_batching { }\n',
    ...identityModel('echo', identityConfig()),
  });
  server = await startTestServer({ modelRepositories: [repository.directory] });
  raw = new RawClient(server.server.grpcPort ?? 0);
});

afterAll(async () => {
  raw.close();
  await server.stop();
  repository.remove();
});

it(`answers ${MESSAGES} damaged messages with a status, and valid ones between them right (seed ${SEED})`, async () => {
  const codes = new Map<string, number>();
  const messages = mutatedMessages(SEED, MESSAGES);
  for (let start = 0; start < messages.length; start += IN_PARALLEL) {
    const answers = messages.slice(start, start + IN_PARALLEL).map((bytes) => raw.send(MODEL_INFER, bytes));
    const valid = await server.client.infer(simpleRequest(start, 2));
    expect(int32sOf(valid, 0)).toEqual(Array.from({ length: 32 }, (_, i) => start + i + 1));
    for (const answer of await Promise.all(answers)) {
      const code = status[answer.kind === 'ok' ? status.OK : answer.code] ?? 'none';
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  expect(
    [...codes.keys()].filter((code) => code === 'UNKNOWN' || code === 'INTERNAL' || code === 'none'),
  ).toEqual([]);
  expect(codes.get('INVALID_ARGUMENT')).toBeGreaterThan(MESSAGES / 3);
  expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await server.client.call('ServerReady')).toEqual({ ready: true });
});
