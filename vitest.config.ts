import { defineConfig } from 'vitest/config';
import { END_TO_END } from './test/end-to-end.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/golden/**', 'test/fuzz/**', 'test/reload/**', 'test/large/**', ...END_TO_END],
    // Native addons and worker threads of their own: each test file in a process of its own.
    pool: 'forks',
    // By default one core stays unused, of two that is half.
    maxWorkers: '100%',
    // Other programs on a machine of CI can use up a test's patience, once.
    retry: process.env.CI === undefined ? 0 : 1,
    testTimeout: 30_000,
    // What is awaited may take its time on a busy machine; by default a second is all it gets.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 60_000,
  },
});
