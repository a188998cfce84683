import type { IncomingHttpHeaders } from 'node:http2';
import { serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import { sameSecret } from '../lib/same-secret.js';
import type { ProtocolCategory } from '../settings/protocol-category.js';
import type { ProtocolRestriction } from '../settings/protocol-restriction.js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, LIFECYCLE_SERVICE } from './protos.js';

const HEADER_PREFIX = 'triton-grpc-protocol-';

/** Category of each method; reflection belongs to none. */
const CATEGORIES: ReadonlyMap<string, ProtocolCategory> = new Map([
  ...inService(INFERENCE_SERVICE, {
    ServerLive: 'health',
    ServerReady: 'health',
    ModelReady: 'health',
    ServerMetadata: 'metadata',
    ModelMetadata: 'metadata',
    ModelInfer: 'inference',
    ModelStreamInfer: 'inference',
    ModelConfig: 'model-config',
    ModelStatistics: 'statistics',
    RepositoryIndex: 'model-repository',
    RepositoryModelLoad: 'model-repository',
    RepositoryModelUnload: 'model-repository',
    SystemSharedMemoryStatus: 'shared-memory',
    SystemSharedMemoryRegister: 'shared-memory',
    SystemSharedMemoryUnregister: 'shared-memory',
    CudaSharedMemoryStatus: 'shared-memory',
    CudaSharedMemoryRegister: 'shared-memory',
    CudaSharedMemoryUnregister: 'shared-memory',
    TraceSetting: 'trace',
    LogSettings: 'logging',
  }),
  ...inService(HEALTH_SERVICE, { Check: 'health', Watch: 'health', List: 'health' }),
  ...inService(LIFECYCLE_SERVICE, { ModelHistory: 'model-repository', Rollback: 'model-repository' }),
]);

function inService(
  service: string,
  methods: Readonly<Record<string, ProtocolCategory>>,
): [path: string, category: ProtocolCategory][] {
  return Object.entries(methods).map(([method, category]) => [`/${service}/${method}`, category]);
}

/** Why a call may not be made; null when it may. `path` is `/package.Service/Method`. */
export type Gate = (path: string, headers: IncomingHttpHeaders) => ServingError | null;

/** Lets through what no restriction names, and what has its header; null when nothing is restricted. */
export function createGate(restrictions: readonly ProtocolRestriction[]): Gate | null {
  if (restrictions.length === 0) return null;
  const byCategory = new Map(
    restrictions.flatMap(({ categories, header, value }) =>
      categories.map((category) => [category, { header: `${HEADER_PREFIX}${header}`, value }] as const),
    ),
  );
  return (path, headers) => {
    const category = CATEGORIES.get(path);
    const needed = category === undefined ? undefined : byCategory.get(category);
    if (needed === undefined) return null;
    const got = headers[needed.header.toLowerCase()];
    return typeof got === 'string' && sameSecret(got, needed.value)
      ? null
      : serverErrors.restrictedProtocol(needed.header);
  };
}
