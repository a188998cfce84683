import { status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { inputErrors, queueErrors } from '#naiad/errors/catalogue.js';
import type { ServingError } from '#naiad/errors/serving-error.js';
import { toGrpcStatus } from '#naiad/grpc/status.js';
import { RecordedLog } from '../support/recorded-log.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`);

/** What a client that knows google.rpc reads. */
function read(error: ServingError) {
  const { code, details, metadata } = toGrpcStatus(error, 'M', new RecordedLog());
  const [pushback] = metadata.get('grpc-retry-pushback-ms');
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (bytes === undefined) return { code, details, pushback, inside: null };
  const inside = root.lookupType('Status').decode(bytes as Buffer) as unknown as {
    code: number;
    message: string;
    details: { typeUrl: string; value: Buffer }[];
  };
  const entries = inside.details.map(({ typeUrl, value }) => {
    const [, name = ''] = /^type\.googleapis\.com\/google\.rpc\.(\w+)$/.exec(typeUrl) ?? [];
    const type = root.lookupType(name);
    return [name, type.toObject(type.decode(value), { longs: Number, defaults: true })];
  });
  return { code, details, pushback, inside: { ...inside, details: Object.fromEntries(entries) } };
}

describe('the trailers of an error', () => {
  it('have its reason, and after which time to try again', () => {
    expect(read(queueErrors.full('[request id: x] '))).toEqual({
      code: status.UNAVAILABLE,
      details: '[request id: x] Exceeds maximum queue size',
      pushback: '100',
      inside: {
        code: status.UNAVAILABLE,
        message: '[request id: x] Exceeds maximum queue size',
        details: {
          ErrorInfo: { reason: 'QUEUE_FULL', domain: 'naiad', metadata: {} },
          RetryInfo: { retryDelay: { seconds: 0, nanos: 100_000_000 } },
        },
      },
    });
  });

  it('count whole seconds as such', () => {
    expect(read(queueErrors.noInstance('m')).inside?.details).toMatchObject({
      ErrorInfo: { reason: 'WORKER_LOST' },
      RetryInfo: { retryDelay: { seconds: 1, nanos: 0 } },
    });
  });

  it('say nothing of a retry that would be of no use', () => {
    const { pushback, inside } = read(inputErrors.unknown('m', 'ä'));
    expect(pushback).toBeUndefined();
    expect(inside).toMatchObject({ code: status.INVALID_ARGUMENT, message: expect.stringContaining("'ä'") });
    expect(inside?.details).toEqual({
      ErrorInfo: { reason: 'INVALID_ARGUMENT', domain: 'naiad', metadata: {} },
    });
  });

  it('leave the details out where the text would make them too long for some clients', () => {
    expect(read(inputErrors.unknown('m', 'x'.repeat(1024))).inside).toBeNull();
  });
});
