import { Buffer } from 'node:buffer';
import { serverErrors } from '../../errors/catalogue.js';
import type { HistoryEntry } from '../../lifecycle/history.js';
import { LIMITS } from '../../settings/limits.js';
import { WireError } from '../../wire/wire-error.js';
import type { MethodCodec } from '../method-codec.js';
import { LIFECYCLE_SERVICE } from '../protos.js';
import { registerUnary } from '../unary.js';
import type { MethodContext } from './methods.js';

interface NameRequest {
  readonly name: string;
}

/** As `naiad.v1.ModelHistoryResponse.Entry`. */
interface EntryMessage {
  readonly at_ms: number;
  readonly version: string;
  readonly event: string;
  readonly why: string;
  readonly steps: HistoryEntry['steps'];
}

/** The service `naiad.v1.ModelLifecycle`: what Triton's has no word for. */
export function registerLifecycle(context: MethodContext): void {
  const { service } = context;
  const codec = <Response extends object>(method: string): MethodCodec<NameRequest, Response> =>
    bounded(context.protos.codec<NameRequest, Response>(LIFECYCLE_SERVICE, method));
  registerUnary(context, codec<{ entries: EntryMessage[] }>('ModelHistory'), ({ name }) => ({
    entries: service.modelHistory(name).map(toMessage),
  }));
  registerUnary(context, codec('Rollback'), async ({ name }) => {
    if (!context.accepting()) throw serverErrors.shuttingDown();
    await service.loadModel(name, { config: null, files: new Map(), rollback: true });
    return {};
  });
}

function toMessage({ atMs, version, event, why, steps }: HistoryEntry): EntryMessage {
  return { at_ms: atMs, version: version === null ? '' : String(version), event, why, steps };
}

/** Names go into log lines and texts. */
function bounded<Response>(codec: MethodCodec<NameRequest, Response>): MethodCodec<NameRequest, Response> {
  return {
    ...codec,
    decode(bytes) {
      const request = codec.decode(bytes);
      const length = Buffer.byteLength(request.name);
      if (length > LIMITS.nameBytesMax) {
        throw new WireError(`a string of ${length} bytes exceeds ${LIMITS.nameBytesMax} bytes`);
      }
      return request;
    },
  };
}
