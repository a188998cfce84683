import { resolve } from 'node:path';
import { readDoors } from './door-settings.js';
import type { Environment } from './environment.js';
import { LIMITS } from './limits.js';
import { readMetricsFlags } from './metrics-flags.js';
import { type ParsedFlags, parseFlags } from './parse-flags.js';
import { ALL_MODELS, NO_CACHE } from './repository-flags.js';
import { SERVE_FLAGS as FLAGS } from './serve-flags.js';
import type { DoorSettings, LifecycleSettings, LogFormat, LogSettings, ServerSettings } from './settings.js';
import { readTraceFlags } from './trace-flags.js';
import { tritonFlags } from './triton-flags.js';

/** What the command line of `naiad serve` comes to. */
export type ServeFlags =
  | { readonly kind: 'serve'; readonly settings: ServerSettings; readonly warnings: readonly string[] }
  | { readonly kind: 'help' }
  /** One line for each mistake, all of them at once. */
  | { readonly kind: 'mistakes'; readonly lines: readonly string[] };

const DECODE_THREADS_MAX = 4;

/** Reads the words after `serve`. Pure; all paths come out absolute. */
export function parseServeFlags(argv: readonly string[], environment: Environment): ServeFlags {
  const flags = parseFlags(argv, Object.values(FLAGS), tritonFlags);
  if (flags.help) return { kind: 'help' };

  const repositories = readRepositories(flags, environment);
  const lifecycle = readLifecycle(flags, environment);
  const trace = readTraceFlags(flags);
  const metering = readMetricsFlags(flags);
  const doors = readDoors(flags, environment);
  const settings: ServerSettings = {
    id: flags.get(FLAGS.id),
    modelRepositories: repositories.paths,
    exitOnError: flags.get(FLAGS.exitOnError),
    strictReadiness: flags.get(FLAGS.strictReadiness),
    autoComplete: !flags.get(FLAGS.disableAutoComplete),
    modelLoadThreads: flags.get(FLAGS.modelLoadThreads),
    lifecycle: lifecycle.settings,
    exitTimeoutSecs: flags.get(FLAGS.exitTimeoutSecs),
    grpc: doors.grpc,
    http: doors.http,
    metrics: {
      enabled: flags.get(FLAGS.allowMetrics),
      address: flags.get(FLAGS.metricsAddress) || flags.get(FLAGS.httpAddress),
      port: flags.get(FLAGS.metricsPort),
    },
    metering: metering.settings,
    statusMode: flags.get(FLAGS.statusMode),
    lanes: {
      cores: environment.cores,
      cpuLanes: flags.get(FLAGS.cpuLanes),
      cpuLanesMax: flags.get(FLAGS.cpuLanesMax) || LIMITS.cpuLanesPerCore * environment.cores,
    },
    decodeThreads: flags.get(FLAGS.decodeThreads) || Math.min(environment.cores, DECODE_THREADS_MAX),
    allowClientSharedMemory: flags.get(FLAGS.allowClientSharedMemory),
    queueRowsMax: flags.get(FLAGS.queueRowsMax),
    queueBytesMax: flags.get(FLAGS.queueBytesMax),
    log: readLogSettings(flags, environment),
    trace: trace.settings,
  };

  const lines = [
    ...flags.mistakes,
    ...flags.positionals.map(
      (word) => `unexpected argument '${word}', did you mean '--model-repository=${word}'?`,
    ),
    ...repositories.mistakes,
    ...lifecycle.mistakes,
    ...trace.mistakes,
    ...metering.mistakes,
    ...doors.mistakes,
    ...doorMistakes(settings),
  ];
  if (lines.length > 0) return { kind: 'mistakes', lines };
  return {
    kind: 'serve',
    settings,
    warnings: [...flags.warnings, ...repositories.warnings, ...metering.warnings],
  };
}

function readRepositories(
  flags: ParsedFlags,
  environment: Environment,
): { paths: string[]; mistakes: string[]; warnings: string[] } {
  const given = flags.all(FLAGS.modelRepository);
  if (given.length === 0) return { paths: [environment.bundledRepository], mistakes: [], warnings: [] };
  const paths: string[] = [];
  const mistakes: string[] = [];
  const warnings: string[] = [];
  for (const text of given) {
    if (/^[a-z][a-z0-9]+:\/\//i.test(text)) {
      mistakes.push(`--model-repository=${text}: only directories are supported, mount or copy it first`);
      continue;
    }
    const path = resolve(environment.workingDirectory, text);
    if (paths.includes(path)) warnings.push(`--model-repository=${text} was given twice`);
    else paths.push(path);
  }
  return { paths, mistakes, warnings };
}

function readLifecycle(
  flags: ParsedFlags,
  environment: Environment,
): { settings: LifecycleSettings; mistakes: string[] } {
  const controlMode = flags.get(FLAGS.controlMode);
  const pollSecs = flags.get(FLAGS.pollSecs);
  const startModels = [...new Set(flags.all(FLAGS.loadModel))];
  const mistakes: string[] = [];
  // Scripts pass 0 with other modes, where it means nothing.
  if (controlMode === 'poll' && pollSecs === 0) {
    mistakes.push(
      '--repository-poll-secs=0 would never look into the repository: expected at least 1 in poll mode',
    );
  }
  if (controlMode !== 'explicit' && startModels.length > 0) {
    mistakes.push(
      `--load-model needs --model-control-mode=explicit: in mode ${controlMode} all models of the repository are loaded`,
    );
  } else if (startModels.length > 1 && startModels.includes(ALL_MODELS)) {
    mistakes.push(`--load-model=${ALL_MODELS} stands for all models and must be the only --load-model`);
  }
  const isAll = controlMode !== 'explicit' || startModels.includes(ALL_MODELS);
  const settings: LifecycleSettings = {
    controlMode,
    pollSecs: pollSecs || FLAGS.pollSecs.fallback,
    loadModels: isAll ? null : startModels,
    configName: flags.get(FLAGS.configName),
    settleMs: flags.get(FLAGS.settleMs),
    loadRetries: flags.get(FLAGS.loadRetries),
    reloadPolicy: flags.get(FLAGS.reloadPolicy),
    keepWarmSecs: flags.get(FLAGS.keepWarmSecs),
    artifactCache: readArtifactCache(flags, environment),
    artifactCacheBytes: flags.get(FLAGS.artifactCacheBytes),
  };
  return { settings, mistakes };
}

function readArtifactCache(flags: ParsedFlags, environment: Environment): string | null {
  const text = flags.get(FLAGS.artifactCache);
  if (text === NO_CACHE) return null;
  return text === '' ? environment.cacheFolder : resolve(environment.workingDirectory, text);
}

function readLogSettings(flags: ParsedFlags, environment: Environment): LogSettings {
  const file = flags.get(FLAGS.logFile);
  return {
    verbose: flags.get(FLAGS.logVerbose),
    info: flags.get(FLAGS.logInfo),
    warning: flags.get(FLAGS.logWarning),
    error: flags.get(FLAGS.logError),
    format: formatOf(flags.get(FLAGS.logFormat), environment),
    file: file === '' ? '' : resolve(environment.workingDirectory, file),
    access: flags.get(FLAGS.accessLog),
  };
}

function formatOf(format: LogFormat | 'auto', { terminal }: Environment): LogFormat {
  if (format !== 'auto') return format;
  return terminal ? 'pretty' : 'json';
}

function doorMistakes({ grpc, http, metrics }: ServerSettings): string[] {
  if (!grpc.enabled && !http.enabled) {
    return ['--allow-grpc=false and --allow-http=false leave nothing to serve'];
  }
  const doors: [name: string, door: DoorSettings][] = [
    ['--grpc-port', grpc],
    ['--http-port', http],
    ['--metrics-port', metrics],
  ];
  const open = doors.filter(([, { enabled, port }]) => enabled && port !== 0);
  const ports = [...new Set(open.map(([, { port }]) => port))];
  return ports.flatMap((port) => {
    const names = open.filter(([, door]) => door.port === port).map(([name]) => name);
    if (names.length < 2) return [];
    const [last = '', ...others] = names.reverse();
    const all = names.length > 2 ? 'all' : 'both';
    return [`${others.reverse().join(', ')} and ${last} are ${all} ${port}, they need a port each`];
  });
}
