import { mapBounded } from '../lib/bounded.js';
import { formatFinding } from '../model-config/findings.js';
import { type ModelSource, readModelSource } from '../repository/model-source.js';
import type { ModelFolder } from '../repository/scan.js';
import type { Log } from '../telemetry/log.js';
import type { Catalog } from './catalog.js';
import { type LoadContext, type LoadedVersion, loadVersion } from './load-version.js';

/** What loading needs, and where to tell of it. */
export interface StartContext extends LoadContext {
  readonly log: Log;
}

/**
 * Loads all models of the repositories, at most `threads` at a time. Never rejects because of a model:
 * what can't be served stands in the catalog with its reason.
 */
export async function startModels(
  context: StartContext,
  catalog: Catalog,
  folders: readonly ModelFolder[],
  threads: number,
): Promise<void> {
  for (const folder of folders) catalog.announce(folder.name);
  await mapBounded(folders, threads, (folder) => startModel(context, catalog, folder));
}

async function startModel(context: StartContext, catalog: Catalog, folder: ModelFolder): Promise<void> {
  const { name } = folder;
  let source: ModelSource;
  try {
    source = await readModelSource(folder);
  } catch (error) {
    catalog.announce(name, reasonOf(error));
    context.log.error({ model: name }, `failed to load '${name}': ${reasonOf(error)}`);
    return;
  }
  for (const warning of source.warnings) context.log.warn({ model: name }, formatFinding(warning));
  for (const version of source.versions) catalog.loading(name, version);
  for (const version of source.versions) await startVersion(context, catalog, source, version);
}

async function startVersion(
  context: StartContext,
  catalog: Catalog,
  source: ModelSource,
  version: number,
): Promise<void> {
  const { name } = source.folder;
  const startNs = context.clock.nowNs();
  let loaded: LoadedVersion;
  try {
    loaded = await loadVersion(context, source, version);
  } catch (error) {
    catalog.failed(name, version, reasonOf(error));
    context.log.error(
      { model: name, version },
      `failed to load '${name}' version ${version}: ${reasonOf(error)}`,
    );
    return;
  }
  const { model, warnings } = loaded;
  for (const warning of warnings) context.log.warn({ model: name, version }, formatFinding(warning));
  catalog.publish(model);
  const loadMs = Math.round((context.clock.nowNs() - startNs) / 1e6);
  context.log.info(
    { model: name, version, instances: model.executors.length, load_ms: loadMs },
    `successfully loaded '${name}' version ${version}`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
