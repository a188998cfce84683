import { describe, expect, it } from 'vitest';
import { StreamFrames } from '#naiad/grpc/stream-frames.js';
import { framed } from './raw-stream.js';

const MESSAGE_MAX = 1000;

/** The frames that are complete, in pairs of bytes and compression. */
function taken(frames: StreamFrames): (readonly [number, boolean])[] {
  const all: (readonly [number, boolean])[] = [];
  for (let frame = frames.take(); frame !== undefined; frame = frames.take()) {
    all.push([frame.bytes, frame.isCompressed]);
  }
  return all;
}

const message = (length: number, compressed = false) => framed(Buffer.alloc(length, 7), compressed);

describe('the messages of a stream', () => {
  const bytes = Buffer.concat([message(3), message(0), message(300, true), message(MESSAGE_MAX), message(1)]);
  const expected = [
    [8, false],
    [5, false],
    [305, true],
    [1005, false],
    [6, false],
  ];

  it.each([1, 2, 4, 5, 6, 7, 13, 305, 10_000])('are found in pieces of %i bytes', (size) => {
    const frames = new StreamFrames(MESSAGE_MAX);
    for (let start = 0; start < bytes.length; start += size)
      frames.receive(bytes.subarray(start, start + size));
    expect(frames.isBetween).toBe(true);
    expect(taken(frames)).toEqual(expected);
  });

  it('are taken as soon as they are complete', () => {
    const frames = new StreamFrames(MESSAGE_MAX);
    expect(frames.isBetween).toBe(true);
    frames.receive(bytes.subarray(0, 14));
    expect(frames.isBetween).toBe(false);
    expect(taken(frames)).toEqual(expected.slice(0, 2));
    frames.receive(bytes.subarray(14, 317));
    expect(taken(frames)).toEqual([]);
    frames.receive(bytes.subarray(317, 318));
    expect(frames.isBetween).toBe(true);
    expect(taken(frames)).toEqual(expected.slice(2, 3));
  });

  it('that are too large are refused by their length, before they have come', () => {
    const frames = new StreamFrames(MESSAGE_MAX);
    frames.receive(message(MESSAGE_MAX));
    const head = message(MESSAGE_MAX + 1).subarray(0, 5);
    frames.receive(head.subarray(0, 4));
    expect(() => frames.receive(head.subarray(4))).toThrow('at most 1000 bytes');
  });
});
