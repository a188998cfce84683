import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { type Harness, openHarness } from './harness.js';
import { openCall, openSession, refusalOf } from './raw-stream.js';
import { type Message, ServiceClient } from './service-client.js';

const PACKAGE = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});

afterAll(() => harness.door.close(0));

/** The files of an answer in one message: a FileDescriptorSet, whose only field is `file`, 1. */
function fileDescriptorSet(answer: Message | undefined): Buffer {
  const response = answer?.file_descriptor_response as { file_descriptor_proto: Buffer[] } | undefined;
  const writer = protobuf.Writer.create();
  for (const file of response?.file_descriptor_proto ?? []) writer.uint32(10).bytes(file);
  return Buffer.from(writer.finish());
}

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  let client: ServiceClient;

  beforeAll(() => {
    client = new ServiceClient(
      harness.door.port,
      `grpc.reflection.${version}.ServerReflection`,
      resolve(PACKAGE, `build/proto/grpc/reflection/${version}/reflection.proto`),
    );
  });

  afterAll(() => client.close());

  const ask = (...requests: Message[]): Promise<Message[]> =>
    client.exchange('ServerReflectionInfo', requests);

  it('lists the services', async () => {
    const [answer] = await ask({ list_services: '*' });
    expect(answer).toMatchObject({
      list_services_response: {
        service: [
          { name: 'inference.GRPCInferenceService' },
          { name: 'grpc.health.v1.Health' },
          { name: 'naiad.v1.ModelLifecycle' },
        ],
      },
    });
  });

  it.each([
    ['inference.GRPCInferenceService', 'inference.ModelInferRequest', 'raw_input_contents', 7],
    ['inference.ModelConfig', 'inference.ModelConfig', 'max_batch_size', 4],
    ['naiad.v1.ModelLifecycle', 'naiad.v1.ModelHistoryResponse', 'entries', 1],
    ['grpc.health.v1.Health', 'grpc.health.v1.HealthCheckResponse', 'status', 1],
  ])('describes %s', async (symbol, message, field, number) => {
    const [answer] = await ask({ file_containing_symbol: symbol });
    const definition = loadFileDescriptorSetFromBuffer(fileDescriptorSet(answer));
    expect(definition).toHaveProperty([symbol]);
    expect(definition[message]?.type).toMatchObject({
      field: expect.arrayContaining([expect.objectContaining({ name: field, number })]),
    });
  });

  it('answers each request of a stream, mistakes too', async () => {
    const answers = await ask(
      { file_containing_symbol: 'no.such.Symbol' },
      ...Array.from({ length: 50 }, () => ({ file_containing_symbol: 'inference.ModelInferRequest' })),
    );
    expect(answers).toHaveLength(51);
    expect(answers[0]).toMatchObject({ error_response: { error_code: 5 } });
  });

  it('holds a bounded number of streams, until they end', async () => {
    const limited = await openHarness({ limits: { ...LIMITS, reflectionStreamsMax: 1 } });
    const session = await openSession(limited.door.port);
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const first = openCall(session, path);
    const second = openCall(session, path);
    expect(await refusalOf(second)).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: 'Exceeds the limit of 1 reflection streams',
    });
    first.close();
    let code: unknown = null;
    while (code !== '0') {
      const next = openCall(session, path);
      next.end();
      [{ 'grpc-status': code }] = await once(next, 'response');
      next.resume();
    }
    session.destroy();
    await limited.door.close(0);
  });

  it('ends a stream with INVALID_ARGUMENT at bytes that are no request', async () => {
    const raw = new Client(`127.0.0.1:${harness.door.port}`, credentials.createInsecure());
    const same = (bytes: Buffer): Buffer => bytes;
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const stream = raw.makeBidiStreamRequest(path, same, same);
    stream.write(Buffer.from([0x0c]));
    const [error] = await once(stream, 'error');
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    raw.close();
  });
});
