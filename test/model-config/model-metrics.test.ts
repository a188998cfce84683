import { describe, expect, it } from 'vitest';
import { compileMetrics, findMetricProblems } from '#naiad/model-config/model-metrics.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { problemLines } from './builders.js';

const FIRST_RESPONSE = 'nv_inference_first_response_histogram_ms';

function config(text: string) {
  const { config, findings } = parseConfig('pbtxt', `name: "m" ${text}`, 'config.pbtxt');
  expect(findings).toEqual([]);
  return config;
}

/** A bucket list for each family. */
function controls(buckets: Readonly<Record<string, string>>): string {
  const list = Object.entries(buckets).map(
    ([family, bounds]) =>
      `{ metric_identifier: { family: "${family}" } histogram_options: { buckets: [ ${bounds} ] } }`,
  );
  return `model_metrics { metric_control: [ ${list.join(', ')} ] }`;
}

describe('metric_tags', () => {
  it('become labels in the order of the alphabet', () => {
    const text = 'metric_tags { key: "zone" value: "a" } metric_tags { key: "Team" value: "b\\"c" }';
    expect(compileMetrics(config(text)).tags).toEqual([
      ['Team', 'b"c'],
      ['zone', 'a'],
    ]);
    expect(findMetricProblems(config(text))).toEqual([]);
  });

  it('that no label can be named after are left out, with a warning', () => {
    const text = 'metric_tags { key: "a-b" value: "c" } metric_tags { key: "d" value: "e" }';
    expect(compileMetrics(config(text)).tags).toEqual([['d', 'e']]);
    expect(problemLines(findMetricProblems(config(text)))).toEqual([
      "warning metric_tags.a-b: metric_tags 'a-b' is ignored: a label of Prometheus has letters, digits and underscores",
    ]);
  });
});

describe('model_metrics', () => {
  it("give a histogram its buckets, Triton's or one of ours", () => {
    const text = controls({ [FIRST_RESPONSE]: '-1, 0.0, 1, 2.5', naiad_inference_batch_rows: '1, 3' });
    expect(findMetricProblems(config(text))).toEqual([]);
    expect([...compileMetrics(config(text)).buckets]).toEqual([
      [FIRST_RESPONSE, [-1, 0, 1, 2.5]],
      ['naiad_inference_batch_rows', [1, 3]],
    ]);
  });

  it('without buckets leave them as they are', () => {
    expect(compileMetrics(config(controls({ [FIRST_RESPONSE]: '' }))).buckets.size).toBe(0);
    expect(compileMetrics(config('model_metrics { metric_control { } }')).buckets.size).toBe(0);
  });

  it.each(['2, 1', '1, 1', '1, nan', '1, inf'])(
    'with buckets %s keep a model from being served',
    (buckets) => {
      expect(problemLines(findMetricProblems(config(controls({ [FIRST_RESPONSE]: buckets }))))).toEqual([
        expect.stringMatching(
          /^error model_metrics\.metric_control\.0\.histogram_options\.buckets: .*ascending/,
        ),
      ]);
    },
  );

  it('of another family are a warning', () => {
    expect(problemLines(findMetricProblems(config(controls({ nv_x: '1' }))))).toEqual([
      expect.stringMatching(/^warning .*family: model_metrics of 'nv_x' is ignored: expected one of nv_/),
    ]);
  });
});
