import { describe, expect, it } from 'vitest';
import type { InstanceGroupMessage } from '#naiad/model-config/message.js';
import { normalise } from '#naiad/model-config/normalise.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { aConfig } from './builders.js';

const choices = { gpuAvailable: false, instanceCount: () => 2 };
const groups = (text: string): InstanceGroupMessage[] =>
  parseConfig('pbtxt', text, 'c').config.instance_group;

/** The expected values are recorded answers of Triton. */
describe('normalised configurations', () => {
  it('write out what Triton writes out', () => {
    expect(normalise(aConfig(), choices)).toEqual({
      ...aConfig(),
      version_policy: { latest: { num_versions: 1 } },
      optimization: {
        priority: 'PRIORITY_DEFAULT',
        gather_kernel_buffer_threshold: 0,
        eager_batching: false,
        input_pinned_memory: { enable: true },
        output_pinned_memory: { enable: true },
      },
      instance_group: [
        {
          name: 'm',
          kind: 'KIND_CPU',
          count: 2,
          gpus: [],
          secondary_devices: [],
          profile: [],
          passive: false,
          host_policy: '',
        },
      ],
    });
  });

  it('keep what is given', () => {
    const config = aConfig({
      version_policy: { all: {} },
      optimization: {
        graph: { level: 1 },
        priority: 'PRIORITY_MAX',
        gather_kernel_buffer_threshold: 3,
        eager_batching: true,
        input_pinned_memory: { enable: false },
      },
      instance_group: groups('instance_group { name: "mine" kind: KIND_GPU gpus: [ 1 ] count: 5 }'),
    });
    const normal = normalise(config, { gpuAvailable: true, instanceCount: () => 5 });
    expect(normal.version_policy).toEqual({ all: {} });
    expect(normal.optimization).toEqual({ ...config.optimization, output_pinned_memory: { enable: true } });
    expect(normal.instance_group).toEqual(config.instance_group);
  });

  it.each([
    ['dynamic_batching { }', 8, [8]],
    ['dynamic_batching { }', 0, []],
    ['dynamic_batching { preferred_batch_size: [ 2, 4 ] }', 8, [2, 4]],
  ])('prefer the largest batch: %s with %i rows', (text, max, preferred) => {
    const { dynamic_batching } = parseConfig('pbtxt', text, 'c').config;
    if (dynamic_batching === undefined) throw new Error('no batching');
    const normal = normalise(aConfig({ max_batch_size: max, dynamic_batching }), choices);
    expect(normal.dynamic_batching?.preferred_batch_size).toEqual(preferred);
  });

  it('have no batching where none is given', () => {
    expect(Object.keys(normalise(aConfig(), choices))).not.toContain('dynamic_batching');
  });

  it('number the groups that are listed, decide KIND_AUTO and take the counts of the server', () => {
    const config = aConfig({
      instance_group: groups(
        'instance_group [ { }, { name: "b" kind: KIND_MODEL }, { count: 9 kind: KIND_AUTO } ]',
      ),
    });
    const seen = (gpuAvailable: boolean) =>
      normalise(config, { gpuAvailable, instanceCount: (group) => group + 1 }).instance_group.map(
        ({ name, kind, count }) => [name, kind, count],
      );
    expect(seen(false)).toEqual([
      ['m_0', 'KIND_CPU', 1],
      ['b', 'KIND_MODEL', 2],
      ['m_2', 'KIND_CPU', 3],
    ]);
    expect(seen(true).map(([, kind]) => kind)).toEqual(['KIND_GPU', 'KIND_MODEL', 'KIND_GPU']);
  });

  it('count latest versions from one', () => {
    const config = aConfig({ version_policy: { latest: { num_versions: 0 } } });
    expect(normalise(config, choices).version_policy).toEqual({ latest: { num_versions: 1 } });
  });
});
