import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { DRAFTS, Scratch } from '../../repository/scratch.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import { encodeSample } from './recorded-sample.js';

/** Requests on disk for a build, for this user alone and for as long as it takes; left over, they go as drafts do. */
export class RecordedRequests {
  readonly #scratch: Scratch;

  /** @param cache absolute path of the cache */
  constructor(cache: string, clock: Clock) {
    this.#scratch = new Scratch(join(cache, DRAFTS), clock);
  }

  /** Returns the folder they lie in. Rejects with Error for people when there are none or they can't be written. */
  async write(samples: readonly (readonly NamedTensor[])[]): Promise<string> {
    if (samples.length === 0) throw new Error('no request could be recorded, the first was too large');
    const folder = this.#scratch.path();
    await mkdir(folder, { mode: 0o700 });
    for (const [index, sample] of samples.entries()) {
      await writeFile(join(folder, `${String(index).padStart(6, '0')}.sample`), encodeSample(sample));
    }
    return folder;
  }

  remove(): void {
    this.#scratch.remove();
  }
}
