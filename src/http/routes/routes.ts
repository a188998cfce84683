import { INFER_ROUTES } from '../infer/routes.js';
import type { Route } from '../route.js';
import { HEALTH_ROUTES } from './health.js';
import { LOGGING_ROUTES } from './logging.js';
import { METADATA_ROUTES } from './metadata.js';
import { MODEL_CONFIG_ROUTES } from './model-config.js';
import { REPOSITORY_ROUTES } from './repository.js';
import { SHARED_MEMORY_ROUTES } from './shared-memory.js';
import { STATISTICS_ROUTES } from './statistics.js';
import { TRACE_ROUTES } from './trace.js';

/** All that the HTTP port answers: what is asked most often first, and `stats` before a model's name. */
export const ROUTES: readonly Route[] = [
  ...INFER_ROUTES,
  ...HEALTH_ROUTES,
  ...STATISTICS_ROUTES,
  ...METADATA_ROUTES,
  ...MODEL_CONFIG_ROUTES,
  ...REPOSITORY_ROUTES,
  ...SHARED_MEMORY_ROUTES,
  ...TRACE_ROUTES,
  ...LOGGING_ROUTES,
];
