import type { SharedMemoryKind } from '../../service/shared-memory-control.js';
import { type MethodContext, registerMethod } from './methods.js';

interface NameRequest {
  readonly name: string;
}

interface RegisterSystemRequest extends NameRequest {
  readonly key: string;
  /** 64 bits, as text. */
  readonly offset: string;
  readonly byte_size: string;
}

/** The six methods of `SystemSharedMemory` and `CudaSharedMemory`. */
export function registerSharedMemory(context: MethodContext): void {
  const { service } = context;
  registerMethod<NameRequest, { regions: object }>(context, 'SystemSharedMemoryStatus', ({ name }) => {
    const regions = service.sharedMemory.status('system', name);
    return {
      regions: byName(
        regions.map(({ name, key, offset, byteSize }) => ({ name, key, offset, byte_size: byteSize })),
      ),
    };
  });
  registerMethod<RegisterSystemRequest, object>(
    context,
    'SystemSharedMemoryRegister',
    ({ name, key, offset, byte_size }) => {
      service.sharedMemory.registerSystem({ name, key, offset: Number(offset), byteSize: Number(byte_size) });
      return {};
    },
  );
  registerMethod<NameRequest, { regions: object }>(context, 'CudaSharedMemoryStatus', ({ name }) => ({
    regions: byName(service.sharedMemory.status('cuda', name)),
  }));
  registerMethod<NameRequest, object>(context, 'CudaSharedMemoryRegister', ({ name }) => {
    service.sharedMemory.registerCuda(name);
    return {};
  });
  registerUnregister(context, 'SystemSharedMemoryUnregister', 'system');
  registerUnregister(context, 'CudaSharedMemoryUnregister', 'cuda');
}

function registerUnregister(context: MethodContext, method: string, kind: SharedMemoryKind): void {
  registerMethod<NameRequest, object>(context, method, ({ name }) => {
    context.service.sharedMemory.unregister(kind, name);
    return {};
  });
}

function byName<T extends { readonly name: string }>(regions: readonly T[]): Record<string, T> {
  return Object.fromEntries(regions.map((region) => [region.name, region]));
}
