import { serverErrors } from '../../errors/catalogue.js';
import {
  type ControlParameter,
  readLoadOptions,
  readUnloadOptions,
} from '../../service/repository-control.js';
import type { IndexEntry } from '../../service/views.js';
import { type ControlMessage, decodeControlRequest } from '../codec/control-request.js';
import { encodeControlResponse } from '../codec/control-response.js';
import { MODEL_LOAD, MODEL_UNLOAD } from '../protos.js';
import { registerUnary } from '../unary.js';
import { type MethodContext, registerMethod } from './methods.js';

interface IndexRequest {
  readonly repository_name: string;
  readonly ready: boolean;
}

/** RepositoryIndex, RepositoryModelLoad, RepositoryModelUnload. */
export function registerRepository(context: MethodContext): void {
  const { service } = context;
  registerMethod<IndexRequest, { models: readonly IndexEntry[] }>(
    context,
    'RepositoryIndex',
    async ({ repository_name, ready }) => ({ models: await service.repositoryIndex(repository_name, ready) }),
  );
  registerControl(context, MODEL_LOAD, (model, parameters) =>
    service.loadModel(model, readLoadOptions(parameters)),
  );
  registerControl(context, MODEL_UNLOAD, (model, parameters) =>
    service.unloadModel(model, readUnloadOptions(parameters)),
  );
}

/** A call that ends early does not end what it has begun: others may wait for the same. */
function registerControl(
  context: MethodContext,
  path: string,
  act: (model: string, parameters: ReadonlyMap<string, ControlParameter>) => Promise<void>,
): void {
  registerUnary<ControlMessage, string | null>(
    context,
    { path, decode: decodeControlRequest, encode: encodeControlResponse },
    async (message, _call, account) => {
      account.hold(message.madeBytes);
      const { model, kserve } = readTarget(message);
      if (!context.accepting()) throw serverErrors.shuttingDown();
      const letGo = account.keep();
      try {
        await act(model, message.parameters);
      } finally {
        letGo();
      }
      return kserve ? model : null;
    },
  );
}

/** KServe has the model's name, and nothing else, where Triton has the repository's, which must be empty. */
function readTarget({ repositoryName, modelName, parameters }: ControlMessage): {
  model: string;
  kserve: boolean;
} {
  if (repositoryName === '') return { model: modelName, kserve: false };
  if (modelName !== '' || parameters.size > 0) throw serverErrors.repositoryNameUnsupported();
  return { model: repositoryName, kserve: true };
}
