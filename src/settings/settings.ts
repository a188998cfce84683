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
  readonly exitTimeoutSecs: number;
  readonly grpc: DoorSettings;
  readonly http: DoorSettings;
  readonly lanes: LaneSettings;
  /** Threads that decode pictures. */
  readonly decodeThreads: number;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
  readonly log: LogSettings;
}

export interface DoorSettings {
  readonly enabled: boolean;
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface LaneSettings {
  /** Processors that this process may use. */
  readonly cores: number;
  /** > 0: that many lanes are shared by all CPU instances; 0: a lane per instance up to `cpuLanesMax`. */
  readonly cpuLanes: number;
  readonly cpuLanesMax: number;
}

export interface LogSettings {
  /** 0 = info, 1 = debug, 2 and more = trace. */
  readonly verbose: number;
  readonly info: boolean;
  readonly warning: boolean;
  readonly error: boolean;
  readonly format: 'json' | 'pretty';
  /** One line per request at info. */
  readonly access: boolean;
}
