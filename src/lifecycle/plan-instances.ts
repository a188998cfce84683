import type { Device } from '../backend/backend.js';
import type { InstanceGroupMessage } from '../model-config/message.js';

/** One instance to create. */
export interface PlannedInstance {
  /** `model_group_index`, as Triton names them. */
  readonly name: string;
  readonly group: number;
  readonly device: Device;
}

/** What the plan depends on besides the configuration. */
export interface PlanOptions {
  readonly model: string;
  /** Instances of a group whose count is left open. */
  readonly defaultCount: number;
  /** Ids of the GPUs that can be used; KIND_AUTO means the CPU when there are none. */
  readonly gpus: readonly number[];
}

/** The instances that `instance_group` asks for; without groups, one group of the default kind and count. */
export function planInstances(
  groups: readonly Pick<InstanceGroupMessage, 'name' | 'kind' | 'count' | 'gpus'>[],
  { model, defaultCount, gpus }: PlanOptions,
): PlannedInstance[] {
  const planned: PlannedInstance[] = [];
  const effective =
    groups.length > 0 ? groups : [{ name: '', kind: 'KIND_AUTO' as const, count: 0, gpus: [] }];
  effective.forEach((group, index) => {
    const groupName = group.name === '' ? `${model}_${index}` : group.name;
    const count = group.count > 0 ? group.count : defaultCount;
    const devices = devicesOf(group, gpus);
    let serial = 0;
    for (const device of devices) {
      const perDevice = device.kind === 'gpu' && group.count === 0 ? 1 : count;
      for (let i = 0; i < perDevice; i++) {
        planned.push({ name: `${groupName}_${serial++}`, group: index, device });
      }
    }
  });
  return planned;
}

function devicesOf(group: Pick<InstanceGroupMessage, 'kind' | 'gpus'>, usable: readonly number[]): Device[] {
  const onGpu = group.kind === 'KIND_GPU' || (group.kind === 'KIND_AUTO' && usable.length > 0);
  if (!onGpu) return [{ kind: 'cpu' }];
  // A GPU that was asked for and is not there fails in the backend, with its reason.
  const ids = group.gpus.length > 0 ? group.gpus : usable.length > 0 ? usable : [0];
  return ids.map((id) => ({ kind: 'gpu', id }));
}
