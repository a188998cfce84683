/**
 * Tests of whole servers and processes over their lives, which take a second or more each: `npm run
 * test:end-to-end` rather than `npm test`.
 */
export const END_TO_END: readonly string[] = [
  'test/cli/parent-watch.test.ts',
  'test/cli/second-signal.test.ts',
  'test/cli/serve.test.ts',
  'test/server/artifacts.test.ts',
  'test/server/bundled-quantized.test.ts',
  'test/server/quantization.test.ts',
  'test/server/reload-*.test.ts',
  'test/server/start.test.ts',
  'test/server/stop.test.ts',
  'test/server/stream.test.ts',
  'test/server/trace.test.ts',
  'test/server/unload.test.ts',
];
