import { type ModelStatisticsMessage, toStatisticsMessage } from '../../service/statistics-message.js';
import { type MethodContext, type ModelRequest, registerMethod } from './methods.js';

interface StatisticsResponse {
  readonly model_stats: readonly ModelStatisticsMessage[];
}

/** ModelStatistics. */
export function registerStatistics(context: MethodContext): void {
  registerMethod<ModelRequest, StatisticsResponse>(context, 'ModelStatistics', ({ name, version }) => ({
    model_stats: context.service.modelStatistics(name, version).map(toStatisticsMessage),
  }));
}
