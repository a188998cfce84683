import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/golden/**', 'test/fuzz/**', 'test/reload/**', 'test/large/**'],
    // Native addons and worker threads of their own: each test file in a process of its own.
    pool: 'forks',
    // By default one core stays unused, of two that is half.
    maxWorkers: '100%',
    testTimeout: 30_000,
    // What is awaited may take its time on a busy machine; by default a second is all it gets.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 60_000,
  },
});
