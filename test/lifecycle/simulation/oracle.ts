import type { Catalog } from '#naiad/lifecycle/catalog.js';
import type { ServingModel } from '#naiad/lifecycle/serving-model.js';
import { type Content, contentOf } from './content.js';
import { type Setup, setupOf } from './setup.js';
import { SimulatedExecutor } from './simulated-lanes.js';
import { partOf, type Snapshot, textsOf, versionsIn } from './virtual-repositories.js';

/** What files ask for, found out without any of the code under test. */
export type Expected =
  | { readonly kind: 'absent' }
  /** The folder or the configuration can't be used. */
  | { readonly kind: 'rejected' }
  | {
      readonly kind: 'served';
      readonly setup: Setup;
      readonly versions: ReadonlyMap<number, ExpectedVersion>;
    };

export interface ExpectedVersion extends Answering {
  /** `maybe` = only where instances that are there already are used again. */
  readonly good: 'yes' | 'no' | 'maybe';
}

/** How a version answers. */
export interface Answering {
  readonly content: Content;
  readonly marker: number;
  readonly session: string;
  readonly instances: number;
  readonly labels: string;
}

/** @param override a configuration in place of the files' */
export function expectedOf(
  { files, twice = false }: Pick<Snapshot, 'files'> & { readonly twice?: boolean },
  override: string | null = null,
): Expected {
  if (files === null) return { kind: 'absent' };
  const texts = textsOf(files);
  const setup = setupOf(override ?? texts.get('config.pbtxt') ?? '');
  if (twice || setup === undefined || setup.broken !== 'no') return { kind: 'rejected' };
  const versions = selected(setup, versionsIn(texts.keys()));
  if (versions.length === 0) return { kind: 'rejected' };
  return {
    kind: 'served',
    setup,
    versions: new Map(versions.map((version) => [version, expectedVersion(setup, texts, version)])),
  };
}

function expectedVersion(setup: Setup, texts: ReadonlyMap<string, string>, version: number): ExpectedVersion {
  const content = contentOf(partOf(texts, version));
  const labels = texts.get('labels.txt');
  const loads = content.loads && (!setup.labels || labels !== undefined);
  return {
    content,
    marker: setup.marker,
    session: String(setup.session),
    instances: setup.instances,
    labels: setup.labels ? (labels ?? '') : '',
    good: !loads ? 'no' : setup.warmUp && !content.warmsUp ? 'maybe' : 'yes',
  };
}

function selected({ versions }: Setup, there: readonly number[]): readonly number[] {
  if (versions === 'all') return there;
  return 'latest' in versions ? there.slice(-versions.latest) : there.filter((v) => versions.includes(v));
}

/** What is served of a model now, by version. */
export function servedOf(catalog: Catalog, name: string): Map<number, Answering> {
  return new Map(
    catalog
      .versions(name)
      .flatMap(({ version, serving }) => (serving === null ? [] : [[version, answeringOf(serving)]])),
  );
}

export function answeringOf({ spec, executors }: ServingModel): Answering {
  const instances = executorsOf(executors);
  const [first] = instances;
  if (first === undefined) throw new Error('a model is served without an instance');
  const { scheduling } = spec;
  return {
    content: first.content,
    marker: scheduling.kind === 'dynamic' ? scheduling.queueDelayUsMax : 0,
    session: first.request.options.parameters.execute_delay_ms ?? '',
    instances: instances.length,
    labels: spec.outputs[0]?.labels.join('\n') ?? '',
  };
}

export function executorsOf(executors: ServingModel['executors']): SimulatedExecutor[] {
  return executors.map((executor) => {
    if (!(executor instanceof SimulatedExecutor)) throw new Error('an instance of unknown origin');
    return executor;
  });
}

export function isSame(a: Answering, b: Answering | undefined): boolean {
  return b !== undefined && keyOf(a) === keyOf(b);
}

export function keyOf({ content, marker, session, instances, labels }: Answering): string {
  return JSON.stringify([content.number, marker, session, instances, labels]);
}

/** What is served, for comparisons. */
export function keyOfServed(served: ReadonlyMap<number, Answering>): string {
  return JSON.stringify([...served].map(([version, answering]) => [version, keyOf(answering)]));
}

/** Whether all that is expected is served, and nothing else. */
export function isServed(served: ReadonlyMap<number, Answering>, expected: Expected): boolean {
  if (expected.kind !== 'served' || served.size !== expected.versions.size) return false;
  return [...expected.versions].every(
    ([version, wanted]) => wanted.good !== 'no' && isSame(wanted, served.get(version)),
  );
}
