import { describe, expect, it } from 'vitest';
import { MachineUsage } from '#naiad/telemetry/machine-usage.js';
import { FakeClock } from '../support/fake-clock.js';

const MEMORY = 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\n';

/** A machine whose processors have spent `ticks`: user, nice, system, idle, iowait, irq, softirq, steal. */
function machine({ intervalMs = 1000, memory = MEMORY } = {}) {
  const clock = new FakeClock();
  const ticks = [100, 0, 0, 900, 0, 0, 0, 0];
  let reads = 0;
  const usage = new MachineUsage({
    clock,
    intervalMs,
    async read(path) {
      reads++;
      if (path === '/proc/meminfo') return memory;
      return `cpu  ${ticks.join(' ')} 7 7\ncpu0 1 1 1 1 1 1 1 1 0 0\n`;
    },
  });
  const spend = (...spent: number[]): void => {
    spent.forEach((time, index) => {
      ticks[index] = (ticks[index] ?? 0) + time;
    });
  };
  return { clock, usage, spend, reads: () => reads };
}

describe('processors', () => {
  it('are busy with all but idling and waiting for disks', async () => {
    const { usage, spend } = machine();
    await usage.begin();
    spend(1, 2, 3, 50, 20, 4, 5, 15);
    expect((await usage.sample())?.utilization).toBeCloseTo(0.3);
  });

  it('are measured again once the interval is over', async () => {
    const { clock, usage, spend, reads } = machine({ intervalMs: 500 });
    await usage.begin();
    spend(10, 0, 0, 10);
    const first = await usage.sample();
    const readsBefore = reads();
    spend(10, 0, 0, 0);
    await clock.advance(499e6);
    expect([await usage.sample(), reads()]).toEqual([first, readsBefore]);
    await clock.advance(1e6);
    expect((await usage.sample())?.utilization).toBe(1);
  });

  it('of whom nothing is known yet are as they were since the start of the machine', async () => {
    expect((await machine().usage.sample())?.utilization).toBe(0.1);
  });
});

it('memory in use is what programs could not get', async () => {
  expect(await machine().usage.sample()).toMatchObject({
    memoryBytes: 1000 * 1024,
    memoryUsedBytes: 600 * 1024,
  });
});

it('machines that tell nothing have no sample', async () => {
  expect(await machine({ memory: '' }).usage.sample()).toBeNull();
  const usage = new MachineUsage({
    clock: new FakeClock(),
    intervalMs: 1,
    read: () => Promise.reject(new Error('ENOENT')),
  });
  await usage.begin();
  expect(await usage.sample()).toBeNull();
});
