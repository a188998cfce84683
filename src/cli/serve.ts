import { systemClock } from '../lib/clock.js';
import { removeDrafts } from '../repository/scratch.js';
import type { RunningServer } from '../server/server.js';
import { readEnvironment } from '../settings/environment.js';
import { parseServeFlags } from '../settings/flags.js';
import type { ServerSettings } from '../settings/settings.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { announceGpus } from './cuda/announce.js';
import { endBySignal } from './ending.js';
import { CommandError, EXIT, UsageError } from './exit-codes.js';
import { growHeapFreely } from './heap.js';
import type { Io } from './io.js';
import { watchParent } from './parent-watch.js';
import { LINGER_NS, ServeControl } from './serve-control.js';
import { formatTable } from './table.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Serves until a signal ends it; resolves to the exit code when the server has stopped. */
export async function serve(argv: readonly string[], io: Io): Promise<number> {
  const environment = readEnvironment();
  const parsed = parseServeFlags(argv, environment);
  if (parsed.kind === 'help') return EXIT.ok;
  if (parsed.kind === 'mistakes') throw new UsageError(...parsed.lines);
  const { settings, warnings } = parsed;

  growHeapFreely();
  const log = openLog(settings, { colour: environment.colour && environment.terminal });
  for (const warning of warnings) log.warn({}, warning);
  const { artifactCache } = settings.lifecycle;
  const end = (signal: NodeJS.Signals): void => {
    if (artifactCache !== null) removeDrafts(artifactCache);
    endBySignal(signal, log);
  };
  const control = new ServeControl({
    log,
    clock: systemClock,
    exitTimeoutSecs: settings.exitTimeoutSecs,
    end,
  });
  for (const signal of SIGNALS) process.on(signal, () => control.onSignal(signal));
  if (environment.underNpm)
    watchParent(
      systemClock,
      () => process.ppid,
      () => control.onSignal('SIGTERM'),
    );
  process.on('uncaughtException', (error) => control.onBug(error));
  process.on('unhandledRejection', (error) => control.onBug(error));

  let server: RunningServer;
  try {
    await announceGpus(log);
    server = await start(settings, log);
  } catch (error) {
    // Threads of a start that broke off half-way must not keep the process alive.
    systemClock.setTimer(LINGER_NS, () => end('SIGTERM'));
    return startFailed(error, log, io);
  }
  control.started(server);
  tellStart(server, settings, log, io);
  if (settings.exitOnError && server.anyLoadFailed) {
    log.error({}, 'stopping because a model could not be loaded (--exit-on-error)');
    control.stop(EXIT.failed);
  }
  const exitCode = await control.ended;
  log.flush();
  return exitCode;
}

function openLog({ log }: ServerSettings, options: { readonly colour: boolean }): Logger {
  try {
    return createLogger(log, options);
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Loads the server only now, so that mistakes of the command line are told without it. */
async function start(settings: ServerSettings, log: Logger): Promise<RunningServer> {
  const [{ startServer }, { setLogger }] = await Promise.all([
    import('../server/server.js'),
    import('@grpc/grpc-js'),
  ]);
  // What grpc-js writes to standard error by itself; what matters of it comes as an error or a status.
  setLogger({ error: (...words: unknown[]) => log.debug({}, `grpc-js: ${words.join(' ')}`) });
  return startServer(settings, log);
}

function startFailed(error: unknown, log: Logger, io: Io): number {
  const text = error instanceof Error ? error.message : String(error);
  log.debug({ err: error }, 'start failed');
  log.flush();
  io.err(`naiad serve: ${text}\n`);
  return EXIT.failed;
}

/** For people a table in Triton's look, for programs the same as fields of a line. */
function tellStart(server: RunningServer, settings: ServerSettings, log: Logger, io: Io): void {
  const models = server.modelTable();
  if (settings.log.format === 'pretty' && settings.log.info) {
    const rows = models.map(({ model, version, status }) => [model, version, status]);
    log.flush();
    io.out(formatTable(['Model', 'Version', 'Status'], rows, io.columns));
  } else {
    log.info({ models }, 'models');
  }
  const doors = [
    server.grpcPort === null ? null : `gRPC on ${settings.grpc.address}:${server.grpcPort}`,
    server.httpPort === null ? null : `HTTP on ${settings.http.address}:${server.httpPort}`,
    server.metricsPort === null ? null : `metrics on ${settings.metrics.address}:${server.metricsPort}`,
  ];
  log.info(
    { grpcPort: server.grpcPort, httpPort: server.httpPort, metricsPort: server.metricsPort },
    `serving ${doors.filter((door) => door !== null).join(', ')}`,
  );
}
