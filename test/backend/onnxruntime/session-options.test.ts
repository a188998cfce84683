import { describe, expect, it } from 'vitest';
import { sessionOptions } from '#naiad/backend/onnxruntime/session-options.js';
import { instanceOptions } from '../../support/instances.js';

const withParameters = (parameters: Record<string, string>, intraOpThreads = 1) =>
  sessionOptions(instanceOptions({ parameters, intraOpThreads }));

describe('sessionOptions', () => {
  it('gives one thread, full optimisation and no log lines of ORT by default', () => {
    expect(withParameters({})).toEqual({
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: 1,
      enableMemPattern: false,
      logSeverityLevel: 4,
      extra: {},
    });
  });

  it.each([
    [{}, 3, 3],
    [{ intra_op_thread_count: '0' }, 3, 3],
    [{ intra_op_thread_count: '5' }, 3, 5],
  ])('with %j and %i threads by default an operator gets %i', (parameters, byDefault, expected) => {
    expect(withParameters(parameters, byDefault).intraOpNumThreads).toBe(expected);
  });

  it('lets a pool of threads sleep between runs unless told otherwise', () => {
    const key = 'session.intra_op.allow_spinning';
    expect(withParameters({ intra_op_thread_count: '2' }).extra).toEqual({ [key]: '0' });
    expect(withParameters({ intra_op_thread_count: '2', [key]: '1' }).extra).toEqual({ [key]: '1' });
  });

  it('hands on what starts with session. and nothing else', () => {
    expect(withParameters({ 'session.set_denormal_as_zero': '1', 'image.size': '3' }).extra).toEqual({
      'session.set_denormal_as_zero': '1',
    });
  });

  it.each([
    [{ inter_op_thread_count: '4' }, { interOpNumThreads: 4 }],
    [{ execution_mode: '0' }, { executionMode: 'sequential' }],
    [{ execution_mode: '1' }, { executionMode: 'parallel' }],
    [{ enable_mem_arena: '0' }, { enableCpuMemArena: false }],
    [{ enable_mem_pattern: 'true' }, { enableMemPattern: true }],
  ])('takes %j as %j', (parameters, expected) => {
    expect(withParameters(parameters as Record<string, string>)).toMatchObject(expected);
  });

  it('leaves to ORT what the configuration leaves open', () => {
    const options = withParameters({ inter_op_thread_count: '0' });
    expect(options).not.toHaveProperty('interOpNumThreads');
    expect(options).not.toHaveProperty('enableCpuMemArena');
  });

  it('keeps no second copy of what runs take on the CPU', () => {
    expect(sessionOptions(instanceOptions({}))).toMatchObject({ enableMemPattern: false });
    expect(sessionOptions(instanceOptions({ device: { kind: 'gpu', id: 0 } }))).not.toHaveProperty(
      'enableMemPattern',
    );
  });

  it('loads what is compiled as it is, packing weights outside of the arena', () => {
    const key = 'session.use_device_allocator_for_initializers';
    const compiled = (parameters: Record<string, string> = {}) =>
      sessionOptions(instanceOptions({ compiled: true, graphLevel: 1, parameters }));
    expect(compiled()).toMatchObject({ graphOptimizationLevel: 'disabled', extra: { [key]: '1' } });
    expect(compiled({ [key]: '0' }).extra).toEqual({ [key]: '0' });
    expect(withParameters({}).extra).toEqual({});
  });

  it.each([
    [-1, 'basic'],
    [0, 'all'],
    [1, 'extended'],
    [2, 'disabled'],
    [7, 'all'],
  ])('reads graph level %i as %s', (graphLevel, expected) => {
    expect(sessionOptions(instanceOptions({ graphLevel })).graphOptimizationLevel).toBe(expected);
  });

  it('computes on the GPU it is told and on no other device', () => {
    expect(sessionOptions(instanceOptions({ device: { kind: 'gpu', id: 2 } })).executionProviders).toEqual([
      { name: 'cuda', deviceId: 2 },
    ]);
  });

  it.each([
    [{ intra_op_thread_count: 'all' }, "parameter 'intra_op_thread_count' must be a whole number"],
    [{ inter_op_thread_count: '-2' }, "parameter 'inter_op_thread_count' must be a whole number"],
    [{ execution_mode: '2' }, "parameter 'execution_mode' must be one of 0, 1, got '2'"],
    [{ enable_mem_arena: 'on' }, "parameter 'enable_mem_arena' must be 0 or 1, got 'on'"],
  ])('refuses %j', (parameters, reason) => {
    expect(() => withParameters(parameters as Record<string, string>)).toThrow(reason);
  });
});
