import { expect, it } from 'vitest';
import { StreamWriter } from '#naiad/grpc/stream-writer.js';

/** A writer whose answers leave when the test says so. */
function aWriter(unsentBytesMax: number) {
  const leaving: (() => void)[] = [];
  const written: number[] = [];
  const writer = new StreamWriter((bytes, sent) => {
    written.push(bytes.length);
    leaving.push(sent);
  }, unsentBytesMax);
  return { writer, written, leave: () => leaving.shift()?.() };
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
