import { type MethodContext, type ModelRequest, registerMethod } from './methods.js';

/** ServerLive, ServerReady, ModelReady. */
export function registerReadiness(context: MethodContext): void {
  const { service } = context;
  registerMethod<object, { live: boolean }>(context, 'ServerLive', () => ({ live: service.isLive() }));
  registerMethod<object, { ready: boolean }>(context, 'ServerReady', () => ({ ready: service.isReady() }));
  registerMethod<ModelRequest, { ready: boolean }>(context, 'ModelReady', ({ name, version }) => ({
    ready: service.isModelReady(name, version),
  }));
}
