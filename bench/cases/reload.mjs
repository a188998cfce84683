import { readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { messageField, textField } from '../models/protobuf.mjs';
import { loadModel } from '../system/control.mjs';
import { mobilenetConfig, mobilenetFiles, NO_MOBILENET, PIXELS, readPixels } from './mobilenet.mjs';

const MODEL = 'mobilenet';
const STEADY = 'left alone';
const RELOADING = 'reloaded again and again';
/** Number of `ModelProto.metadata_props`. */
const METADATA_PROPS = 14;

/** The model is replaced by the same one under another content, one reload after the other without a pause. */
/** @type {import('../context.mjs').Case} */
export const reload = {
  name: 'reload',
  title: 'MobileNetV2 while it is reloaded, as many requests outstanding as processors',
  async run(context) {
    const files = mobilenetFiles(context.shared);
    if (files === null) return NO_MOBILENET;
    const cores = availableParallelism();
    const repository = await context.repository([
      {
        name: MODEL,
        config: mobilenetConfig({ instances: cores, maxBatchSize: 1 }),
        file: files.model,
        labels: files.labels,
      },
    ]);
    const server = await context.server({
      repository,
      flags: [
        '--model-control-mode=explicit',
        `--load-model=${MODEL}`,
        '--repository-settle-ms=0',
        `--artifact-cache=${await context.folder()}`,
      ],
    });
    const message = encodeInferRequest({
      model: MODEL,
      inputs: [
        {
          name: 'image',
          datatype: 'UINT8',
          shape: [1, ...PIXELS],
          data: await readPixels(join(context.root, 'examples/images/coffee.jpg')),
        },
      ],
      classification: null,
    });
    const loop = {
      server,
      client: context.client(),
      connections: 1,
      outstanding: cores,
      messages: [message],
    };
    const steady = served({ ...loop, name: STEADY });
    const reloads = new Reloads(server.grpcPort, join(repository, MODEL, '1/model.onnx'));
    const reloading = served({ ...loop, name: RELOADING });
    const slices = await measureInTurn(
      [
        steady,
        {
          ...reloading,
          start: async () => {
            await reloading.start();
            reloads.start();
          },
          stop: async () => {
            await reloads.stop();
            await reloading.stop();
          },
        },
      ],
      context.pace,
    );
    return {
      slices,
      bounds: [
        {
          what: 'p99 while reloading / p99 when left alone',
          unit: '',
          limit: { kind: 'atMost', value: 1.5 },
          values: perRound(slices, RELOADING, STEADY, (a, b) => a.p99Ms / b.p99Ms),
        },
        {
          what: 'median while reloading / median when left alone',
          unit: '',
          limit: null,
          values: perRound(slices, RELOADING, STEADY, (a, b) => a.p50Ms / b.p50Ms),
        },
        { what: 'one reload, its load call', unit: 'ms', limit: null, values: reloads.takenMs },
      ],
    };
  },
};

/** Replaces a model's file and has it loaded, again and again while it runs. */
class Reloads {
  /** How long each load call took. @type {number[]} */
  takenMs = [];
  #running = false;
  #count = 0;
  /** @type {Buffer | null} */
  #original = null;
  #done = Promise.resolve();

  /** @param {number} port @param {string} file */
  constructor(port, file) {
    this.port = port;
    this.file = file;
  }

  start() {
    this.#running = true;
    this.#done = this.#run();
  }

  /** Rejects when a reload failed. */
  async stop() {
    this.#running = false;
    await this.#done;
  }

  async #run() {
    this.#original ??= await readFile(this.file);
    for (; this.#running; this.#count++) {
      const entry = messageField(METADATA_PROPS, [textField(1, 'reload'), textField(2, String(this.#count))]);
      await writeFile(`${this.file}.part`, Buffer.concat([this.#original, entry]));
      await rename(`${this.file}.part`, this.file);
      const startMs = performance.now();
      await loadModel(this.port, MODEL);
      this.takenMs.push(performance.now() - startMs);
    }
  }
}
