import { resolve } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.js';
import { END_TO_END } from './end-to-end.js';

// The same as `npm test` but for which files.
const { exclude: _, ...shared } = base.test ?? {};

export default mergeConfig(
  { test: { ...shared, include: [] } },
  defineConfig({ test: { root: resolve(import.meta.dirname, '..'), include: [...END_TO_END] } }),
);
