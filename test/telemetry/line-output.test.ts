import { describe, expect, it } from 'vitest';
import { LineOutput } from '#naiad/telemetry/line-output.js';
import { FakeClock } from '../support/fake-clock.js';

/** A descriptor that takes `room` bytes, then is busy until it gets more room. */
class Pipe {
  room: number;
  taken = '';
  error: string | null = null;

  constructor(room: number) {
    this.room = room;
  }

  readonly write = (bytes: Uint8Array): number => {
    if (this.error !== null) throw Object.assign(new Error(this.error), { code: this.error });
    if (this.room === 0) throw Object.assign(new Error('busy'), { code: 'EAGAIN' });
    const part = bytes.subarray(0, this.room);
    this.room -= part.length;
    this.taken += Buffer.from(part).toString();
    return part.length;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function anOutput(room: number): { output: LineOutput; pipe: Pipe; clock: FakeClock } {
  const pipe = new Pipe(room);
  const clock = new FakeClock();
  return { output: new LineOutput(clock, pipe.write), pipe, clock };
}

describe('a line', () => {
  it('waits for the end of the turn, together with others', async () => {
    const { output, pipe } = anOutput(100);
    output.write('a\n');
    output.write('b\n');
    expect(pipe.taken).toBe('');
    await turn();
    expect(pipe.taken).toBe('a\nb\n');
  });

  it('goes at once when asked to', () => {
    const { output, pipe } = anOutput(100);
    output.write('a\n');
    output.writeNow();
    expect(pipe.taken).toBe('a\n');
  });

  it('goes at once when much has come together', () => {
    const { output, pipe } = anOutput(1e6);
    for (let i = 0; i < 20; i++) output.write(`${'x'.repeat(999)}\n`);
    expect(pipe.taken.length).toBeGreaterThan(10_000);
  });
});

describe('a reader that is slow', () => {
  it('gets the rest later, in order, cut between any two bytes', async () => {
    const { output, pipe, clock } = anOutput(4);
    output.write('1ü3\n');
    output.write('456\n');
    await turn();
    expect(pipe.taken).toBe('1ü3');
    output.write('789\n');
    await turn();
    pipe.room = 100;
    await clock.advance(1e9);
    expect(pipe.taken).toBe('1ü3\n456\n789\n');
    expect(output.takeLost()).toBe(0);
  });

  it('costs lines, counted, when the backlog is full', async () => {
    const { output, pipe, clock } = anOutput(0);
    const line = `${'x'.repeat(99_999)}\n`;
    for (let i = 0; i < 100; i++) output.write(line);
    pipe.room = 1e9;
    await clock.advance(1e9);
    await turn();
    const written = pipe.taken.length / line.length;
    const lost = output.takeLost();
    expect(lost).toBeGreaterThan(0);
    expect(written + lost).toBe(100);
    expect(output.takeLost()).toBe(0);
  });

  it('is waited for at the end of the process, but not for ever', () => {
    const { output, pipe } = anOutput(3);
    output.write('abcdef\n');
    let tries = 0;
    const write = pipe.write;
    const patient = new LineOutput(new FakeClock(), (bytes) => {
      tries++;
      if (tries === 3) pipe.room = 100;
      return write(bytes);
    });
    patient.write('ghijkl\n');
    patient.flush();
    expect(pipe.taken).toBe('ghijkl\n');
    pipe.room = 0;
    output.flush();
    expect(pipe.taken).toBe('ghijkl\n');
  });
});

describe('a descriptor that is broken', () => {
  it.each(['EPIPE', 'ENOSPC', 'EIO'])('with %s costs the lines, never an exception', async (code) => {
    const { output, pipe } = anOutput(100);
    pipe.error = code;
    output.write('a\n');
    output.write('b\n');
    await turn();
    output.flush();
    expect(output.takeLost()).toBe(2);
    pipe.error = null;
    output.write('c\n');
    await turn();
    expect(pipe.taken).toBe('c\n');
  });
});
