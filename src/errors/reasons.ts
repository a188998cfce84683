/**
 * What happened, for programs, where a status alone does not say it: `ErrorInfo.reason` of google.rpc. A
 * word never changes its meaning.
 */
export const REASONS = {
  serverNotReady: 'SERVER_NOT_READY',
  shuttingDown: 'SHUTTING_DOWN',
  modelNotReady: 'MODEL_NOT_READY',
  modelReloading: 'MODEL_RELOADING',
  workerLost: 'WORKER_LOST',
  queueFull: 'QUEUE_FULL',
  queueTimeout: 'QUEUE_TIMEOUT',
  decodersFull: 'DECODERS_FULL',
  inFlightLimit: 'IN_FLIGHT_LIMIT',
  restricted: 'RESTRICTED',
  controlDisabled: 'CONTROL_DISABLED',
} as const;

export type Reason = (typeof REASONS)[keyof typeof REASONS];
