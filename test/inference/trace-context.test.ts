import { describe, expect, it } from 'vitest';
import { readTraceContext } from '#naiad/inference/trace-context.js';

const IDS = `${'a1'.repeat(16)}-${'b2'.repeat(8)}`;

describe('a W3C trace context', () => {
  it.each([
    [`00-${IDS}-01`, true],
    [`00-${IDS}-00`, false],
    [`00-${IDS}-03`, true],
    [`00-${IDS}-fe`, false],
    [`cc-${IDS}-01`, true],
    [`cc-${IDS}-01-what-a-later-version-says`, true],
  ])('%s', (traceparent, isSampled) => {
    expect(readTraceContext(traceparent, 'a=b')).toEqual({ traceparent, tracestate: 'a=b', isSampled });
  });

  it.each([
    undefined,
    '',
    `00-${IDS}`,
    `00-${IDS}-01-more`,
    `00-${IDS}-01, 00-${IDS}-01`,
    `ff-${IDS}-01`,
    `00-${IDS.toUpperCase()}-01`,
    `00-${'0'.repeat(32)}-${'b2'.repeat(8)}-01`,
    `00-${'a1'.repeat(16)}-${'0'.repeat(16)}-01`,
    ` 00-${IDS}-01`,
    `cc-${IDS}-01-${'x'.repeat(500)}`,
  ])('is not %j', (traceparent) => {
    expect(readTraceContext(traceparent, '')).toBeUndefined();
  });

  it.each([undefined, 'x'.repeat(513)])('has no state where it is missing or too long', (tracestate) => {
    expect(readTraceContext(`00-${IDS}-01`, tracestate)?.tracestate).toBe('');
  });
});
