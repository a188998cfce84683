import { describe, expect, it } from 'vitest';
import { planInstances } from '#naiad/lifecycle/plan-instances.js';

const options = { model: 'm', defaultCount: 2, gpus: [] as number[] };
const group = (overrides: object) => ({
  name: '',
  kind: 'KIND_AUTO' as const,
  count: 0,
  gpus: [],
  ...overrides,
});
const summary = (groups: Parameters<typeof planInstances>[0], overrides = {}) =>
  planInstances(groups, { ...options, ...overrides }).map(
    ({ name, device }) => `${name} ${device.kind}${device.kind === 'gpu' ? device.id : ''}`,
  );

describe('planInstances', () => {
  it('makes the default number on the CPU without a group', () => {
    expect(summary([])).toEqual(['m_0_0 cpu', 'm_0_1 cpu']);
  });

  it('obeys counts and names', () => {
    expect(
      summary([group({ kind: 'KIND_CPU', count: 1 }), group({ name: 'slow', kind: 'KIND_CPU', count: 2 })]),
    ).toEqual(['m_0_0 cpu', 'slow_0 cpu', 'slow_1 cpu']);
  });

  it('puts the count of a group on each of its GPUs', () => {
    expect(summary([group({ kind: 'KIND_GPU', count: 2, gpus: [1, 3] })], { gpus: [0, 1, 2, 3] })).toEqual([
      'm_0_0 gpu1',
      'm_0_1 gpu1',
      'm_0_2 gpu3',
      'm_0_3 gpu3',
    ]);
  });

  it('takes all GPUs, one instance each, when none is named', () => {
    expect(summary([group({ kind: 'KIND_GPU' })], { gpus: [0, 1] })).toEqual(['m_0_0 gpu0', 'm_0_1 gpu1']);
  });

  it('lets the backend say why the GPU that was asked for is missing', () => {
    expect(summary([group({ kind: 'KIND_GPU', count: 1 })])).toEqual(['m_0_0 gpu0']);
  });

  it('takes a GPU for KIND_AUTO where there is one', () => {
    expect(summary([group({ count: 1 })], { gpus: [0] })).toEqual(['m_0_0 gpu0']);
    expect(summary([group({ count: 1 })])).toEqual(['m_0_0 cpu']);
  });
});
