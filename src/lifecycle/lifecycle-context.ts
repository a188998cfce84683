import type { Archive } from '../repository/store.js';
import type { ReloadPolicy } from '../settings/settings.js';
import type { Catalog } from './catalog.js';
import type { LoadGate } from './load-gate.js';
import type { LoadContext } from './load-revision.js';
import type { ReporterParts } from './model-reporter.js';

/** What the lifecycles of all models share. */
export interface LifecycleContext extends LoadContext, ReporterParts {
  readonly catalog: Catalog;
  readonly gate: LoadGate;
  readonly archive: Archive;
  readonly reloadPolicy: ReloadPolicy;
  readonly loadRetries: number;
  readonly keepWarmSecs: number;
}
