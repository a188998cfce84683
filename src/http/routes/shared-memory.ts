import { sharedMemoryErrors } from '../../errors/shared-memory-errors.js';
import type { SharedMemoryKind } from '../../service/shared-memory-control.js';
import type { RegionDescription } from '../../shm/region.js';
import { type JsonObject, readJsonObject } from '../json.js';
import { jsonReply } from '../reply.js';
import type { HttpMethod, Route } from '../route.js';

/**
 * Registered shared memory: `status`, `register` and `unregister`, of one region or of all. Bodies are
 * read as JSON whatever type they claim to have: C++ clients send them as forms.
 */
export const SHARED_MEMORY_ROUTES: readonly Route[] = [...routesOf('system'), ...routesOf('cuda')];

function routesOf(kind: SharedMemoryKind): Route[] {
  return [
    route(kind, 'status', 'GET', ({ service }, _request, { region = '' }) =>
      jsonReply(service.sharedMemory.status(kind, region).map(toJson)),
    ),
    route(kind, 'register', 'POST', async ({ service }, request, { region = '' }) => {
      if (region === '') throw sharedMemoryErrors.nameEmpty(kind);
      if (kind === 'cuda') service.sharedMemory.registerCuda(region);
      else service.sharedMemory.registerSystem(readRegion(region, await readJsonObject(request)));
      return jsonReply();
    }),
    route(kind, 'unregister', 'POST', ({ service }, _request, { region = '' }) => {
      service.sharedMemory.unregister(kind, region);
      return jsonReply();
    }),
  ];
}

function route(kind: SharedMemoryKind, action: string, method: HttpMethod, answer: Route['answer']): Route {
  return {
    pattern: new RegExp(`^/v2/${kind}sharedmemory(?:/region/(?<region>[^/]+))?/${action}$`),
    methods: [method],
    category: 'shared-memory',
    contentType: 'application/json',
    answer,
  };
}

function toJson({ name, key, offset, byteSize }: RegionDescription): object {
  return { name, key, offset, byte_size: byteSize };
}

/** `fields` are `{"key", "offset"?, "byte_size"}`. */
function readRegion(name: string, fields: JsonObject): RegionDescription {
  const { key, offset, byte_size } = fields;
  if (key === undefined) throw sharedMemoryErrors.fieldMissing('key');
  if (typeof key !== 'string') throw sharedMemoryErrors.notText();
  const start = offset === undefined ? 0 : toSize(offset);
  if (byte_size === undefined) throw sharedMemoryErrors.fieldMissing('byte_size');
  return { name, key, offset: start, byteSize: toSize(byte_size) };
}

function toSize(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw sharedMemoryErrors.notUnsigned();
  }
  return value;
}
