import type { Server } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.js';
import type { InFlight } from '../../service/in-flight.js';
import type { InferenceService } from '../../service/service.js';
import type { Log } from '../../telemetry/log.js';
import type { CallAccounts } from '../call-accounts.js';
import { INFERENCE_SERVICE, type Protos } from '../protos.js';
import { type Call, registerUnary } from '../unary.js';

/** What the methods of the inference service need. */
export interface MethodContext {
  readonly server: Server;
  readonly protos: Protos;
  readonly service: InferenceService;
  readonly clock: Clock;
  /** Headers that become parameters of a request; null = none. */
  readonly headerPattern: RegExp | null;
  readonly log: Log;
  readonly inFlight: InFlight;
  readonly accounts: CallAccounts;
  /** False once the door takes no more inference requests. */
  accepting(): boolean;
}

/** Registers a method of the inference service whose messages protobufjs reads and writes. */
export function registerMethod<Request extends object, Response extends object>(
  { server, accounts, protos, log }: MethodContext,
  method: string,
  handle: (request: Request, call: Call) => Response | Promise<Response>,
): void {
  registerUnary(
    { server, accounts, log },
    protos.codec<Request, Response>(INFERENCE_SERVICE, method),
    handle,
  );
}

/** Many requests name a model and maybe a version. */
export interface ModelRequest {
  readonly name: string;
  readonly version: string;
}
