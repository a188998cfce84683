import { describe, expect, it } from 'vitest';
import { LoadGate } from '#naiad/lifecycle/load-gate.js';

/** Loads that end when told to. */
class Loads {
  readonly begun: number[] = [];
  readonly #ends = new Map<number, () => void>();

  start(gate: LoadGate, ...ids: number[]): void {
    for (const id of ids) {
      void gate.run(async () => {
        this.begun.push(id);
        await new Promise<void>((resolve) => this.#ends.set(id, resolve));
      });
    }
  }

  async end(id: number): Promise<void> {
    await settled();
    this.#ends.get(id)?.();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('LoadGate', () => {
  it('runs as many as allowed, the others in their order', async () => {
    const gate = new LoadGate(2, () => false);
    const loads = new Loads();
    loads.start(gate, 1, 2, 3, 4);
    await settled();
    expect(loads.begun).toEqual([1, 2]);
    await loads.end(2);
    expect(loads.begun).toEqual([1, 2, 3]);
    await loads.end(1);
    expect(loads.begun).toEqual([1, 2, 3, 4]);
  });

  it('runs one at a time while requests are being served', async () => {
    let busy = true;
    const gate = new LoadGate(4, () => busy);
    const loads = new Loads();
    loads.start(gate, 1, 2, 3);
    await settled();
    expect(loads.begun).toEqual([1]);
    busy = false;
    await loads.end(1);
    expect(loads.begun).toEqual([1, 2, 3]);
  });

  it('goes on after a load that failed, and hands its error on', async () => {
    const gate = new LoadGate(1, () => false);
    await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(gate.run(() => Promise.resolve('well'))).resolves.toBe('well');
  });

  it('lets nobody wait for one that waits no longer', async () => {
    const gate = new LoadGate(1, () => false);
    const begun: string[] = [];
    const leave = ['a', 'b', 'c'].map((name) => gate.ask(() => begun.push(name)));
    leave[1]?.();
    expect(begun).toEqual(['a']);
    leave[0]?.();
    leave[0]?.();
    expect(begun).toEqual(['a', 'c']);
    gate.ask(() => begun.push('d'));
    expect(begun).toEqual(['a', 'c']);
  });
});
