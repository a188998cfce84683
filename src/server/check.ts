import { systemClock } from '../lib/clock.js';
import { InstancePool } from '../lifecycle/instance-pool.js';
import { loadRevision } from '../lifecycle/load-revision.js';
import { type Finding, FindingsError } from '../model-config/findings.js';
import { readModelSource } from '../repository/model-source.js';
import { type ModelFolder, scanRepositories } from '../repository/scan.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import { Lanes } from '../worker/lanes.js';
import { checkSamples } from './check-samples.js';

/** What was found about one model. */
export interface ModelReport {
  readonly name: string;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** What it is when it is right: `onnxruntime, versions 1, 2`. */
  readonly summary: string;
}

export interface CheckOptions {
  readonly log: Log;
  readonly autoComplete: boolean;
  /** Use `configs/<name>.pbtxt` of models that have it; '' = no. */
  readonly configName?: string;
  onModel?: (name: string) => void;
}

export interface CheckReport {
  readonly models: readonly ModelReport[];
  readonly ok: boolean;
}

/**
 * Holds repositories against everything that a start would refuse: layout, configuration, and each
 * model loaded once in a lane, without serving it. Rejects with an Error whose text is for the user when
 * a repository can't be read.
 */
export async function checkRepositories(
  directories: readonly string[],
  options: CheckOptions,
): Promise<CheckReport> {
  const folders = await scanRepositories(directories);
  const lanes = new Lanes({
    settings: { cores: 1, cpuLanes: 1, cpuLanesMax: 1 },
    clock: systemClock,
    log: options.log,
  });
  const models: ModelReport[] = [];
  try {
    for (const folder of folders) {
      options.onModel?.(folder.name);
      models.push(await checkModel(folder, lanes, options));
    }
  } finally {
    await lanes.close();
  }
  return { models, ok: models.every(({ ok }) => ok) };
}

async function checkModel(
  folder: ModelFolder,
  lanes: Lanes,
  { autoComplete, configName = '' }: CheckOptions,
): Promise<ModelReport> {
  const findings: Finding[] = [];
  const served: number[] = [];
  let backend = '';
  try {
    const source = await readModelSource(folder, { configName });
    backend = source.config.backend;
    findings.push(...source.warnings, ...checkSamples(source));
    for (const version of source.versions) {
      try {
        const pool = new InstancePool(() => {});
        const { model, instances, warnings } = await loadRevision(
          {
            lanes,
            clock: systemClock,
            autoComplete,
            defaultInstances: 1,
            queueRowsMax: LIMITS.queueRowsMax,
            queueBytesMax: LIMITS.queueBytesMax,
            instancesAtOnce: () => 1,
          },
          pool,
          { source, version: { version, contentHash: '', fingerprint: '' }, statistics: null },
        );
        served.push(version);
        findings.push(...warnings);
        await model.scheduler.drain();
        await pool.release(instances);
      } catch (error) {
        findings.push(...findingsOf(error, String(version)));
      }
    }
  } catch (error) {
    findings.push(...findingsOf(error, ''));
  }
  const unique = [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
  return {
    name: folder.name,
    ok: !unique.some(({ severity }) => severity === 'error'),
    findings: unique,
    summary: `${backend}, version${served.length === 1 ? '' : 's'} ${served.join(', ')}`,
  };
}

function findingsOf(error: unknown, file: string): readonly Finding[] {
  if (error instanceof FindingsError) return error.findings;
  const message = error instanceof Error ? error.message : String(error);
  return [{ severity: 'error', file, line: 0, message }];
}
