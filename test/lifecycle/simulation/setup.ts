import type { ReloadPolicy } from '#naiad/settings/settings.js';
import type { Random } from '../../scheduler/simulation/random.js';

/** A model's configuration as the simulation knows it. */
export interface Setup {
  /** Another number in each configuration that is made: its queue delay, by which it is recognised. */
  readonly marker: number;
  readonly instances: number;
  readonly versions: { readonly latest: number } | 'all' | readonly number[];
  /** null = what the server says. */
  readonly reload: ReloadPolicy | null;
  /** Value of a parameter that sessions are made with. */
  readonly session: number;
  readonly labels: boolean;
  readonly warmUp: boolean;
  readonly broken: 'no' | 'syntax' | 'backend';
}

/** All that were written, by their text. */
const setups = new Map<string, Setup>();
let lastMarker = 0;

/** What a configuration says; undefined for a text that is none. */
export function setupOf(text: string): Setup | undefined {
  return setups.get(text);
}

export function forgetSetups(): void {
  setups.clear();
  lastMarker = 0;
}

export function randomSetup(random: Random, policies: readonly (ReloadPolicy | null)[]): Setup {
  return {
    marker: ++lastMarker,
    instances: random.between(1, 3),
    versions: random.chance(0.4)
      ? { latest: random.between(1, 2) }
      : random.pick(['all', [1], [2, 3], [1, 3]]),
    reload: random.pick(policies),
    session: random.between(0, 1),
    labels: random.chance(0.3),
    warmUp: random.chance(0.4),
    broken: random.chance(0.9) ? 'no' : random.pick(['syntax', 'backend']),
  };
}

/** `setup` with one thing changed. */
export function changedSetup(
  random: Random,
  setup: Setup,
  policies: readonly (ReloadPolicy | null)[],
): Setup {
  const other = randomSetup(random, policies);
  const change = random.pick([
    'marker',
    'instances',
    'versions',
    'reload',
    'session',
    'labels',
    'warmUp',
    'all',
  ] as const);
  if (change === 'all') return other;
  return { ...setup, broken: other.broken, marker: other.marker, [change]: other[change] };
}

/** config.pbtxt. */
export function toText(setup: Setup): string {
  const { marker, instances, versions, reload, session, labels, warmUp, broken } = setup;
  const policy =
    versions === 'all'
      ? 'all {}'
      : 'latest' in versions
        ? `latest { num_versions: ${versions.latest} }`
        : `specific { versions: [ ${versions.join(', ')} ] }`;
  const text = `
backend: "${broken === 'backend' ? 'none' : 'identity'}"
max_batch_size: 4
input { name: "IN" data_type: TYPE_INT32 dims: [ 1 ] }
output { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] ${labels ? 'label_filename: "labels.txt"' : ''} }
dynamic_batching { max_queue_delay_microseconds: ${marker} }
instance_group { kind: KIND_CPU count: ${instances} }
version_policy { ${policy} }
parameters { key: "execute_delay_ms" value { string_value: "${session}" } }
${reload === null ? '' : `parameters { key: "reload.policy" value { string_value: "${reload}" } }`}
${warmUp ? 'model_warmup { name: "w" batch_size: 1 inputs { key: "IN" value { data_type: TYPE_INT32 dims: [ 1 ] zero_data: true } } }' : ''}
${broken === 'syntax' ? 'output {' : ''}
`;
  setups.set(text, setup);
  return text;
}

/** The same as JSON, as clients send it. */
export function toJson(setup: Setup): string {
  const { marker, instances, versions, reload, session, labels, warmUp, broken } = setup;
  const policy =
    versions === 'all'
      ? { all: {} }
      : 'latest' in versions
        ? { latest: { num_versions: versions.latest } }
        : { specific: { versions } };
  const text = JSON.stringify({
    backend: broken === 'backend' ? 'none' : 'identity',
    max_batch_size: 4,
    input: [{ name: 'IN', data_type: 'TYPE_INT32', dims: [1] }],
    output: [
      { name: 'OUT', data_type: 'TYPE_INT32', dims: [1], ...(labels && { label_filename: 'labels.txt' }) },
    ],
    dynamic_batching: { max_queue_delay_microseconds: marker },
    instance_group: [{ kind: 'KIND_CPU', count: instances }],
    version_policy: policy,
    parameters: {
      execute_delay_ms: { string_value: String(session) },
      ...(reload !== null && { 'reload.policy': { string_value: reload } }),
    },
    ...(warmUp && {
      model_warmup: [
        { name: 'w', batch_size: 1, inputs: { IN: { data_type: 'TYPE_INT32', dims: [1], zero_data: true } } },
      ],
    }),
    ...(broken === 'syntax' && { outputs: 1 }),
  });
  setups.set(text, setup);
  return text;
}
