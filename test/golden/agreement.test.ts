import { describe, expect, it } from 'vitest';
import { agreesWith, tells } from './agreement.js';

describe('a text that tells more', () => {
  it.each([
    ['failed to poll', 'failed to poll'],
    ['failed to poll', 'failed to poll: config.pbtxt:9: a reason'],
    ['state: no such file;\n', 'state: no such file (config.pbtxt:9); another;\n'],
    ['a\n', 'a\n'],
    ['Load model from <TEMP>/1/model.onnx failed', 'Load model from /tmp/a/b/1/model.onnx failed: why'],
  ])('%j is told by %j', (recorded, ours) => {
    expect(tells(recorded, ours)).toBe(true);
  });

  it.each([
    ['failed to poll', 'failed to pol'],
    ['failed to poll', 'has failed to poll'],
    ['failed to poll', 'failed to polling'],
    ['version 1', 'version 11: a reason'],
    ['a b', 'a.b'],
    ['state: no such file;\n', 'state: no such file'],
    ['Load model from <TEMP>/1/model.onnx failed', 'Load model from model.onnx failed'],
  ])('%j is not told by %j', (recorded, ours) => {
    expect(tells(recorded, ours)).toBe(false);
  });
});

describe('an answer', () => {
  const load = { grpc: 'RepositoryModelLoad' };

  it('may tell more of a load, with the same status', () => {
    const recorded = { status: 'INTERNAL', message: 'failed to load' };
    expect(agreesWith(load, recorded, { status: 'INTERNAL', message: 'failed to load: why' })).toBe(true);
    expect(agreesWith(load, recorded, { status: 'UNKNOWN', message: 'failed to load: why' })).toBe(false);
    expect(
      agreesWith({ grpc: 'ModelInfer' }, recorded, { status: 'INTERNAL', message: 'failed to load: why' }),
    ).toBe(false);
  });

  it('has the same rows in its index, and reasons where Triton has some', () => {
    const index = (reason: string, state = 'READY') => ({
      status: 'OK',
      response: { models: [{ name: 'm', version: '1', state, reason }] },
    });
    const step = { grpc: 'RepositoryIndex' };
    expect(agreesWith(step, index('broken'), index('broken: why'))).toBe(true);
    expect(agreesWith(step, index(''), index('why'))).toBe(false);
    expect(agreesWith(step, index('broken'), index('broken', 'UNAVAILABLE'))).toBe(false);
    expect(agreesWith(step, index(''), { status: 'OK', response: { models: [] } })).toBe(false);
  });
});
