import type { ModelConfig } from '../../model-config/message.js';
import type { ModelMetadata, ServerMetadata } from '../../service/views.js';
import { type MethodContext, type ModelRequest, registerMethod } from './methods.js';

/** ServerMetadata, ModelMetadata, ModelConfig: views of the service that have the messages' own form. */
export function registerMetadata(context: MethodContext): void {
  const { service } = context;
  registerMethod<object, ServerMetadata>(context, 'ServerMetadata', () => service.serverMetadata());
  registerMethod<ModelRequest, ModelMetadata>(context, 'ModelMetadata', ({ name, version }) =>
    service.modelMetadata(name, version),
  );
  registerMethod<ModelRequest, { config: ModelConfig }>(context, 'ModelConfig', ({ name, version }) => ({
    config: service.modelConfig(name, version),
  }));
}
