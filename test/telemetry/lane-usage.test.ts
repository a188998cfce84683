import { expect, it } from 'vitest';
import { expositionOf } from '#naiad/telemetry/exposition.js';
import { LaneUsage } from '#naiad/telemetry/lane-usage.js';
import { FakeClock } from '../support/fake-clock.js';
import { readPage } from '../support/metrics-page.js';

const SECOND_NS = 1e9;

async function ratio(usage: LaneUsage, lanes: number, busyNs: number): Promise<number | undefined> {
  const page = readPage(await expositionOf(usage.families({ lanes, busyNs })));
  expect(page.naiad_lanes?.values).toEqual({ naiad_lanes: lanes });
  expect(page.naiad_lane_busy_seconds_total?.values).toEqual({
    naiad_lane_busy_seconds_total: busyNs / SECOND_NS,
  });
  return page.naiad_lane_busy_ratio?.values.naiad_lane_busy_ratio;
}

it('the part of their time that lanes were busy is that since the last interval', async () => {
  const clock = new FakeClock();
  const usage = new LaneUsage(clock, 1000);
  await clock.advance(2 * SECOND_NS);
  expect(await ratio(usage, 4, 2 * SECOND_NS)).toBe(0.25);
  await clock.advance(SECOND_NS - 1);
  expect(await ratio(usage, 4, 6 * SECOND_NS)).toBe(0.25);
  await clock.advance(1);
  expect(await ratio(usage, 4, 6 * SECOND_NS)).toBe(1);
  await clock.advance(SECOND_NS);
  expect(await ratio(usage, 0, 6 * SECOND_NS)).toBe(0);
});
