/** Triton's groups of calls, by which doors are restricted (`--grpc-restricted-protocol`, `--http-restricted-api`). */
export const PROTOCOL_CATEGORIES = [
  'health',
  'metadata',
  'inference',
  'shared-memory',
  'model-config',
  'model-repository',
  'statistics',
  'trace',
  'logging',
] as const;

export type ProtocolCategory = (typeof PROTOCOL_CATEGORIES)[number];
