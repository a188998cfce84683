import { type MethodContext, registerMethod } from './methods.js';

interface TraceSettings {
  readonly settings: Readonly<Record<string, { readonly value: readonly string[] }>>;
}

interface TraceRequest extends TraceSettings {
  readonly model_name: string;
}

/** TraceSetting: changes what it is sent and answers with all that is in force. */
export function registerTraceSetting(context: MethodContext): void {
  registerMethod<TraceRequest, TraceSettings>(context, 'TraceSetting', ({ model_name, settings }) => {
    const changes = new Map(Object.entries(settings).map(([name, { value }]) => [name, value]));
    const inForce = context.service.traceSettings(model_name, changes);
    return { settings: Object.fromEntries([...inForce].map(([name, value]) => [name, { value }])) };
  });
}
