import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import type { Catalog } from '#naiad/lifecycle/catalog.js';
import type { Calls } from './calls.js';
import { executorsOf, expectedOf, isSame, servedOf } from './oracle.js';
import { reloadPolicyOf, type Scenario } from './scenario.js';
import type { ServedWatch } from './served-watch.js';
import type { SimulatedExecutor } from './simulated-lanes.js';
import type { VirtualRepositories } from './virtual-repositories.js';

export interface WorldAtRest {
  readonly scenario: Scenario;
  readonly catalog: Catalog;
  readonly repositories: VirtualRepositories;
  readonly watch: ServedWatch;
  readonly calls: Calls;
  readonly live: ReadonlySet<SimulatedExecutor>;
}

/** Asserts what must hold when nothing has happened for long: all is as the repositories ask for. */
export function checkRest(world: WorldAtRest): void {
  const { scenario, catalog } = world;
  for (const name of new Set([...scenario.names, ...catalog.names()])) {
    for (const { state, version } of catalog.versions(name)) {
      ok(state === 'READY' || state === 'UNAVAILABLE', `version ${version} of '${name}' stays ${state}`);
    }
    if (scenario.mode === 'poll') checkPolled(world, name);
    if (scenario.mode === 'explicit') checkLoaded(world, name);
  }
  checkNothingElseLives(world);
}

function checkPolled(world: WorldAtRest, name: string): void {
  if (world.repositories.current(name).files === null) {
    equal(world.catalog.entry(name), undefined, `'${name}' is not forgotten`);
  } else if (!world.calls.wasRolledBack(name)) checkLoaded(world, name);
}

/** What is served is what the repository says, or the last good where that is no good. */
function checkLoaded({ repositories, catalog, watch, scenario }: WorldAtRest, name: string): void {
  const expected = expectedOf(repositories.current(name));
  if (expected.kind === 'absent') return;
  const entry = catalog.entry(name);
  const served = servedOf(catalog, name);
  const isLost = served.size === 0 && watch.isArmed(name);
  const mayBeLost = reloadPolicyOf(scenario) !== 'availability-preserving' && !scenario.copies;
  ok(!isLost || mayBeLost, `'${name}' was served and is not at rest`);
  if (expected.kind === 'rejected') {
    notEqual(entry?.reason, '', `the index does not say why '${name}' is not served`);
    return;
  }
  equal(entry?.reason, '', `'${name}' is fine`);
  let good = 0;
  for (const [version, wanted] of expected.versions) {
    const isServed: boolean = isSame(wanted, served.get(version));
    const reason: string = entry?.versions.find((row) => row.version === version)?.reason ?? '';
    if (wanted.good === 'yes') ok(isServed, `version ${version} of '${name}' is not served: ${reason}`);
    if (wanted.good === 'no') ok(!isServed);
    equal(isServed, reason === '', `version ${version} of '${name}', served: ${isServed}, ${reason}`);
    if (isServed) good++;
  }
  const others = [...served.keys()].filter((version) => !expected.versions.has(version));
  ok(good === 0 || others.length === 0, `versions ${others} of '${name}' are served still`);
}

/** Only what is served is loaded. */
function checkNothingElseLives({ catalog, live }: WorldAtRest): void {
  const serving = [...catalog.serving()].flatMap(({ executors }) => executorsOf(executors));
  const idle = [...live].filter((executor) => !serving.includes(executor));
  deepEqual(
    idle.map(({ name }) => name),
    [],
    'instances that nobody needs',
  );
  equal(new Set(serving).size, live.size);
}
