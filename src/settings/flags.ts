import { resolve } from 'node:path';
import type { Environment } from './environment.js';
import { LIMITS } from './limits.js';
import { type ParsedFlags, parseFlags } from './parse-flags.js';
import { SERVE_FLAGS as FLAGS } from './serve-flags.js';
import type { LogSettings, ServerSettings } from './settings.js';
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
  const settings: ServerSettings = {
    id: flags.get(FLAGS.id),
    modelRepositories: repositories.paths,
    exitOnError: flags.get(FLAGS.exitOnError),
    strictReadiness: flags.get(FLAGS.strictReadiness),
    autoComplete: !flags.get(FLAGS.disableAutoComplete),
    modelLoadThreads: flags.get(FLAGS.modelLoadThreads),
    lifecycle: {
      controlMode: 'none',
      pollSecs: 15,
      loadModels: [],
      configName: '',
      settleMs: 1000,
      loadRetries: 0,
      reloadPolicy: 'availability-preserving',
      keepWarmSecs: 0,
      artifactCache: null,
    },
    exitTimeoutSecs: flags.get(FLAGS.exitTimeoutSecs),
    grpc: {
      enabled: flags.get(FLAGS.allowGrpc),
      address: flags.get(FLAGS.grpcAddress),
      port: flags.get(FLAGS.grpcPort),
    },
    http: {
      enabled: flags.get(FLAGS.allowHttp),
      address: flags.get(FLAGS.httpAddress),
      port: flags.get(FLAGS.httpPort),
    },
    metrics: { enabled: false, address: '0.0.0.0', port: 8002 },
    lanes: {
      cores: environment.cores,
      cpuLanes: flags.get(FLAGS.cpuLanes),
      cpuLanesMax: flags.get(FLAGS.cpuLanesMax) || LIMITS.cpuLanesPerCore * environment.cores,
    },
    decodeThreads: flags.get(FLAGS.decodeThreads) || Math.min(environment.cores, DECODE_THREADS_MAX),
    queueRowsMax: flags.get(FLAGS.queueRowsMax),
    queueBytesMax: flags.get(FLAGS.queueBytesMax),
    log: readLogSettings(flags, environment),
  };

  const lines = [
    ...flags.mistakes,
    ...flags.positionals.map(
      (word) => `unexpected argument '${word}', did you mean '--model-repository=${word}'?`,
    ),
    ...repositories.mistakes,
    ...doorMistakes(settings),
  ];
  if (lines.length > 0) return { kind: 'mistakes', lines };
  return { kind: 'serve', settings, warnings: [...flags.warnings, ...repositories.warnings] };
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

function readLogSettings(flags: ParsedFlags, environment: Environment): LogSettings {
  const format = flags.get(FLAGS.logFormat);
  return {
    verbose: flags.get(FLAGS.logVerbose),
    info: flags.get(FLAGS.logInfo),
    warning: flags.get(FLAGS.logWarning),
    error: flags.get(FLAGS.logError),
    format: format === 'json' || format === 'pretty' ? format : environment.terminal ? 'pretty' : 'json',
    access: flags.get(FLAGS.accessLog),
  };
}

function doorMistakes({ grpc, http }: ServerSettings): string[] {
  if (!grpc.enabled && !http.enabled) {
    return ['--allow-grpc=false and --allow-http=false leave nothing to serve'];
  }
  if (grpc.enabled && http.enabled && grpc.port === http.port && grpc.port !== 0) {
    return [`--grpc-port and --http-port are both ${grpc.port}, they need a port each`];
  }
  return [];
}
