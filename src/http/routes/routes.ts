import type { Route } from '../route.js';
import { HEALTH_ROUTES } from './health.js';
import { METADATA_ROUTES } from './metadata.js';
import { SHARED_MEMORY_ROUTES } from './shared-memory.js';

/** All that the HTTP port answers; what is asked most often first. */
export const ROUTES: readonly Route[] = [...HEALTH_ROUTES, ...METADATA_ROUTES, ...SHARED_MEMORY_ROUTES];
