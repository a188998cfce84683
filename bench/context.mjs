import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bare } from './measure.mjs';
import { Child } from './system/child.mjs';
import { startServer } from './system/server.mjs';

/**
 * @typedef {import('./system/server.mjs').Build} Build
 * @typedef {import('./system/server.mjs').Peer} Peer
 *
 * @typedef {object} Bound a figure with its value in each round
 * @property {string} what
 * @property {string} unit
 * @property {number} [decimals] where the usual three digits are too few
 * @property {{ kind: 'atLeast' | 'atMost', value: number } | null} limit null = told, not judged
 * @property {readonly number[]} values
 *
 * @typedef {object} CaseResult
 * @property {import('./measure.mjs').Slices} slices
 * @property {readonly Bound[]} bounds
 * @property {number} [otherCores] cores that others kept busy, where no slices tell
 * @property {import('./report/quantization.mjs').QuantizedNet} [quantized] what docs/quantization.md tells of it
 *
 * @typedef {object} Case
 * @property {string} name for `--only`
 * @property {string} title
 * @property {(context: Context) => Promise<CaseResult | string>} run a text says why it was skipped
 *
 * @typedef {object} Model a folder of a model repository
 * @property {string} name
 * @property {string} config text of its config.pbtxt
 * @property {string | Uint8Array} file path or content of its model.onnx
 * @property {string} [labels] path of its labels.txt
 */

/** What a case works with; everything that it starts here ends with it. */
export class Context {
  /** @type {(() => Promise<unknown>)[]} */
  #closers = [];

  /**
   * @param {{
   *   pace: import('./measure.mjs').Pace,
   *   builds: readonly Build[],
   *   peer: Peer,
   *   shared: string,
   *   packages: string,
   *   root: string,
   * }} options
   */
  constructor({ pace, builds, peer, shared, packages, root }) {
    this.pace = pace;
    /** The build of this checkout first, then those that it is compared with. */
    this.builds = builds;
    this.peer = peer;
    /** Data that is not part of the package. */
    this.shared = shared;
    /** npm packages that are not among the dependencies: a `node_modules`, which may not be there. */
    this.packages = packages;
    /** Of the package. */
    this.root = root;
  }

  get build() {
    const [build] = this.builds;
    if (build === undefined) throw new Error('no build to measure');
    return build;
  }

  /** @param {readonly Model[]} models @returns {Promise<string>} the repository's folder */
  async repository(models) {
    const folder = await this.folder();
    await Promise.all(
      models.map(async ({ name, config, file, labels }) => {
        const version = join(folder, name, '1');
        await mkdir(version, { recursive: true });
        await writeFile(join(folder, name, 'config.pbtxt'), config);
        if (typeof file === 'string') await cp(file, join(version, 'model.onnx'));
        else await writeFile(join(version, 'model.onnx'), file);
        if (labels !== undefined) await cp(labels, join(folder, name, 'labels.txt'));
      }),
    );
    return folder;
  }

  /** @returns {Promise<string>} an empty folder */
  async folder() {
    const folder = await mkdtemp(join(tmpdir(), 'naiad-bench-'));
    this.#closers.push(() => rm(folder, { recursive: true }));
    return folder;
  }

  /** @param {import('./system/server.mjs').ServerOptions} options */
  async server(options, build = this.build) {
    return this.#owned(await startServer(build, options));
  }

  /** @param {import('./system/server.mjs').ServerOptions} options */
  async triton(options) {
    return this.#owned(await this.peer.start(options));
  }

  /** @param {string | null} [cores] */
  client(cores = null) {
    return this.#owned(new Child(new URL('./client/main.mjs', import.meta.url), cores));
  }

  /** @param {Omit<Parameters<typeof bare>[0], 'cores'>} options */
  async bare(options) {
    const subject = await bare({ ...options, cores: null });
    this.#closers.push(() => subject.close());
    return subject;
  }

  async close() {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** @template {{ stop: () => Promise<void> }} T @param {T} owned */
  #owned(owned) {
    this.#closers.push(() => owned.stop());
    return owned;
  }
}
