import { expect, it } from 'vitest';
import { StreamWriter } from '#naiad/grpc/stream-writer.js';
import { FakeClock } from '../support/fake-clock.js';

/** A writer whose answers leave when the test says so. */
function aWriter(unsentBytesMax: number) {
  const leaving: (() => void)[] = [];
  const written: number[] = [];
  const clock = new FakeClock();
  const stalls: number[] = [];
  const writer = new StreamWriter(
    (bytes, sent) => {
      written.push(bytes.length);
      leaving.push(sent);
    },
    unsentBytesMax,
    { clock, stalledMs: 1000, bytesPerSecondMin: 100, onStalled: () => stalls.push(clock.nowNs()) },
  );
  return { writer, written, leave: () => leaving.shift()?.(), clock, stalls };
}

const ignore = (): void => {};

it('has room while no more bytes wait than may', async () => {
  const { writer, leave } = aWriter(100);
  writer.write(Buffer.alloc(100), ignore);
  expect(writer.room()).toBe(null);
  writer.write(Buffer.alloc(1), ignore);
  let hasRoom = false;
  const room = Promise.resolve(writer.room()).then(() => {
    hasRoom = true;
  });
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  leave();
  await room;
  expect(writer.room()).toBe(null);
});

it('tells of each answer that has left, until it is closed', async () => {
  const { writer, written, leave } = aWriter(0);
  const sent: string[] = [];
  writer.write(Buffer.alloc(2), () => sent.push('first'));
  writer.write(Buffer.alloc(3), () => sent.push('second'));
  leave();
  expect(sent).toEqual(['first']);
  const room = writer.room();
  writer.close();
  await room;
  leave();
  writer.write(Buffer.alloc(4), () => sent.push('third'));
  expect(sent).toEqual(['first']);
  expect(written).toEqual([2, 3]);
  expect(writer.room()).toBe(null);
});

it('tells of a client that takes nothing, if somebody waits for room', async () => {
  const { writer, leave, clock, stalls } = aWriter(50);
  for (const size of [100, 100]) writer.write(Buffer.alloc(size), ignore);
  await clock.advance(1e12);
  expect(stalls).toEqual([]);
  const room = writer.room();
  // A second, and two for what has not left.
  await clock.advance(2.9e9);
  leave();
  await clock.advance(1.9e9);
  expect(stalls).toEqual([]);
  await clock.advance(0.1e9);
  expect(stalls).toHaveLength(1);
  writer.close();
  await room;
  expect(clock.pendingTimers).toBe(0);
});

it('watches nobody who has room again', async () => {
  const { writer, leave, clock, stalls } = aWriter(0);
  writer.write(Buffer.alloc(1), ignore);
  const room = writer.room();
  leave();
  await room;
  expect([clock.pendingTimers, stalls.length]).toEqual([0, 0]);
});
