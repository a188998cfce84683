import { describe, expect, it } from 'vitest';
import type { InstanceOptions } from '#naiad/backend/backend.js';
import { identityBackend } from '#naiad/backend/identity/backend.js';
import { ServingError } from '#naiad/errors/serving-error.js';
import { aTensor, instanceOptions, int32Tensor } from '../../support/instances.js';

const OUTPUTS: InstanceOptions['outputs'] = [
  { name: 'OUTPUT0', datatype: 'INT32' },
  { name: 'OUTPUT1', datatype: 'BYTES' },
];
const load = (parameters: Readonly<Record<string, string>> = {}) =>
  identityBackend.load(instanceOptions({ modelName: 'echo', parameters, outputs: OUTPUTS }));

const numbers = int32Tensor('INPUT0', [1, 2, 3, 4], 2);
const text = aTensor('INPUT1', 'BYTES', [1], Uint8Array.of(2, 0, 0, 0, 0, 65));

describe('identity', () => {
  it('repeats inputs of any datatype and shape as outputs, in the order they are wanted', async () => {
    const instance = await load();
    const { outputs } = await instance.run({ inputs: [numbers, text], outputs: ['OUTPUT1', 'OUTPUT0'] });
    expect(outputs).toEqual([
      { ...text, name: 'OUTPUT1' },
      { ...numbers, name: 'OUTPUT0' },
    ]);
    const subset = await instance.run({ inputs: [numbers, text], outputs: ['OUTPUT1'] });
    expect(subset.outputs.map(({ name }) => name)).toEqual(['OUTPUT1']);
  });

  it('has no say in a configuration', async () => {
    expect((await load()).description).toBeNull();
  });

  it('counts its delay as computing', async () => {
    const instance = await load({ execute_delay_ms: '20' });
    const { marks } = await instance.run({ inputs: [numbers, text], outputs: [] });
    expect(marks.outputStart - marks.inputEnd).toBeGreaterThanOrEqual(19e6);
    expect(marks.start).toBeLessThanOrEqual(marks.inputEnd);
    expect(marks.outputStart).toBeLessThanOrEqual(marks.end);
  });

  it('fails as a backend would when asked to', async () => {
    const instance = await load({ fault: 'error' });
    const failure = instance.run({ inputs: [numbers, text], outputs: [] });
    await expect(failure).rejects.toEqual(
      new ServingError('INTERNAL', "model 'echo' fails as its parameter 'fault' asks"),
    );
  });

  it('refuses to end the main thread', async () => {
    const instance = await load({ fault: 'exit' });
    await expect(instance.run({ inputs: [numbers, text], outputs: [] })).rejects.toThrow('main thread');
  });

  it.each([
    [{ fault: 'explode' }, "parameter 'fault' must be one of error, exit, got 'explode'"],
    [
      { execute_delay_ms: '-1' },
      "parameter 'execute_delay_ms' must be a whole number from 0 to 3600000, got '-1'",
    ],
  ])('does not load with %j', async (parameters, reason) => {
    await expect(load(parameters as Record<string, string>)).rejects.toThrow(reason);
  });

  it('needs as many inputs as outputs', async () => {
    const instance = await load();
    await expect(instance.run({ inputs: [numbers], outputs: ['OUTPUT0'] })).rejects.toThrow(
      'got 1 inputs for 2 outputs',
    );
  });
});
