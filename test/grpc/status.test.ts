import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import { fitDetails, toGrpcStatus } from '#naiad/grpc/status.js';
import { RecordedLog } from '../support/recorded-log.js';

describe('toGrpcStatus', () => {
  it('keeps what a client is meant to see', () => {
    const log = new RecordedLog();
    expect(toGrpcStatus(new ServingError('NOT_FOUND', 'no such thing'), 'M', log)).toMatchObject({
      code: status.NOT_FOUND,
      details: 'no such thing',
    });
    expect(log.lines).toEqual([]);
  });

  it.each([new Error('secret'), 'secret', undefined, null])('shows nothing of %o, but logs it', (thrown) => {
    const log = new RecordedLog();
    const { code, details } = toGrpcStatus(thrown, 'M', log);
    expect({ code, details }).toEqual({
      code: status.INTERNAL,
      details: 'internal error, see the log of the server',
    });
    expect(log.lines).toMatchObject([{ level: 'error', fields: { method: 'M' } }]);
  });

  it('logs the cause of an internal error that has one', () => {
    const log = new RecordedLog();
    const cause = new Error('the kernel failed');
    toGrpcStatus(new ServingError('INTERNAL', 'onnx runtime error', { cause }), 'M', log);
    expect(log.lines).toMatchObject([{ fields: { err: cause } }]);
  });
});

describe('fitDetails', () => {
  it('leaves a text of usual length as it is', () => {
    const text = "unexpected inference output 'ä\n%' for model '模型'";
    expect(fitDetails(text)).toBe(text);
  });

  it('gives texts that fit into 8 KiB of trailers, whatever is in them', () => {
    const unit = fc.oneof(fc.constantFrom('\ud800', '\udc00', '😀', '%', '\0'), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(unit), fc.integer({ min: 1, max: 2000 }), (units, times) => {
        expect(encodeURI(fitDetails(units.join('').repeat(times))).length).toBeLessThan(8 << 10);
      }),
    );
  });

  it('cuts between characters', () => {
    expect(fitDetails('😀'.repeat(10_000))).toMatch(/^(😀)+\.\.\.$/u);
  });
});
