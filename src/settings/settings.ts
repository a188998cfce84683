import type { MeteringSettings } from './metering-settings.js';
import type { ProtocolRestriction } from './protocol-restriction.js';
import type { TraceSettings } from './trace-settings.js';

/** The server's settings: complete, checked, frozen; made from the command line by `settings/flags.ts`. */
export interface ServerSettings {
  /** Name in ServerMetadata. */
  readonly id: string;
  /** Absolute paths, at least one. */
  readonly modelRepositories: readonly string[];
  /** Stop when a model can't be loaded at start. */
  readonly exitOnError: boolean;
  /** Ready only when all models are ready. */
  readonly strictReadiness: boolean;
  /** Whether missing parts of a configuration are taken from the model. */
  readonly autoComplete: boolean;
  readonly modelLoadThreads: number;
  readonly lifecycle: LifecycleSettings;
  readonly exitTimeoutSecs: number;
  readonly grpc: GrpcSettings;
  readonly http: HttpSettings;
  readonly metrics: DoorSettings;
  readonly metering: MeteringSettings;
  readonly statusMode: StatusMode;
  readonly lanes: LaneSettings;
  /** Threads that decode pictures. */
  readonly decodeThreads: number;
  /** Whether clients may register shared memory, and name it in requests. */
  readonly allowClientSharedMemory: boolean;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
  readonly log: LogSettings;
  readonly trace: TraceSettings;
}

/**
 * Which statuses a full queue and a wait that was too long in it have: Triton's UNAVAILABLE for both, or
 * those that gRPC means for them, RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED.
 */
export type StatusMode = 'triton' | 'grpc';

/**
 * Who says which models are loaded: `none` = all of the repository at start, and nothing after; `poll` =
 * whatever lies in the repository; `explicit` = requests of clients, after those named at start.
 */
export type ControlMode = 'none' | 'poll' | 'explicit';

/**
 * What comes first when a new version replaces one that is served: `availability-preserving` loads it
 * beside the old one, `memory-preserving` unloads the old one before and lets requests wait.
 */
export type ReloadPolicy = 'availability-preserving' | 'memory-preserving';

export interface LifecycleSettings {
  readonly controlMode: ControlMode;
  readonly pollSecs: number;
  /** Models to load at start in explicit mode; null = all. */
  readonly loadModels: readonly string[] | null;
  /** Use `configs/<name>.pbtxt` of models that have it; '' = always config.pbtxt. */
  readonly configName: string;
  /** How long the files of a model must have been left alone before it is read. */
  readonly settleMs: number;
  /** How often a failed load is tried again, with growing pauses, while its files stay the same. */
  readonly loadRetries: number;
  readonly reloadPolicy: ReloadPolicy;
  /** How long a replaced version stays loaded, for a roll back at once. */
  readonly keepWarmSecs: number;
  /** Folder of the copies that models are served from; null = serve from the repository itself. */
  readonly artifactCache: string | null;
  /** Bytes of the copies, beyond which those not in use go. */
  readonly artifactCacheBytes: number;
}

export interface DoorSettings {
  readonly enabled: boolean;
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** What both inference doors have. */
export interface InferenceDoorSettings extends DoorSettings {
  /** Calls that need a header. */
  readonly restrictions: readonly ProtocolRestriction[];
  /** Headers whose names it finds become parameters of the request; null = none. */
  readonly headerPattern: RegExp | null;
}

export interface GrpcSettings extends InferenceDoorSettings {
  /** Silence after which a connection is asked whether it is still there. */
  readonly keepaliveMs: number;
  /** How long its answer may take. */
  readonly keepaliveTimeoutMs: number;
  /** Age at which a connection is asked to end; Infinity = none. */
  readonly connectionAgeMs: number;
  /** What its calls then have; Infinity = all they need. */
  readonly connectionAgeGraceMs: number;
  /** null = in the clear. */
  readonly tls: TlsSettings | null;
}

/** Paths of PEM files, absolute. */
export interface TlsSettings {
  readonly certificate: string;
  readonly key: string;
  /** Who signs the certificates of clients; '' = the system's. */
  readonly roots: string;
  /** Whether clients need a certificate. */
  readonly mutual: boolean;
}

export interface HttpSettings extends InferenceDoorSettings {
  /** Bytes of one request's body, decompressed. */
  readonly inputBytesMax: number;
}

export interface LaneSettings {
  /** Processors that this process may use. */
  readonly cores: number;
  /** > 0: that many lanes are shared by all CPU instances; 0: a lane per instance up to `cpuLanesMax`. */
  readonly cpuLanes: number;
  readonly cpuLanesMax: number;
}

/** `default` and `ISO8601` are Triton's lines. */
export type LogFormat = 'json' | 'pretty' | 'default' | 'ISO8601';

export interface LogSettings {
  /** 0 = info, 1 = debug, 2 and more = trace. */
  readonly verbose: number;
  readonly info: boolean;
  readonly warning: boolean;
  readonly error: boolean;
  readonly format: LogFormat;
  /** Where lines are appended; '' = standard output. */
  readonly file: string;
  /** One line per request at info. */
  readonly access: boolean;
}
