import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../../lib/random.js';
import type { ModelDescription, TensorDescription } from '../../model-config/description.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import { fillShape, randomInputs } from '../../quantize/random-input.js';
import type { RunnableModel, SampleSet } from '../../quantize/runtime.js';
import { BYTE_SIZES } from '../../tensor/datatype.js';
import { readNpy } from '../../tensor/npy.js';
import { readNpz } from '../../tensor/npz.js';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.js';
import type { NamedTensor, Tensor } from '../../tensor/tensor.js';
import { decodePicture } from './decode-picture.js';
import { FILLS } from './difference.js';
import { decodeSample } from './recorded-sample.js';
import type { SampleFile } from './sample-files.js';

/** What samples are made to fit. */
export interface SampleFit {
  readonly description: ModelDescription;
  /** Of inputs that take pictures, by name. */
  readonly images: ReadonlyMap<string, ImageSpec>;
  /** Of inputs, by name, as the configuration has them. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** Samples of a model for which there are no others: enough to see that a method does what it should. */
const RANDOM_SAMPLES = 8;

/** Samples made of files, each read when its turn comes. Going through them throws Error for people, naming the file. */
export function fileSamples(
  kind: 'folder' | 'live',
  folder: string,
  files: readonly SampleFile[],
  fit: SampleFit,
): SampleSet {
  return {
    kind,
    async *[Symbol.asyncIterator]() {
      for (const file of files) {
        let sample: NamedTensor[];
        try {
          sample = fitted(await readSample(join(folder, file.path), file.format, fit), fit);
          const odd = sample.find((tensor) => !holdsNumbers(tensor));
          // What a client sent was not chosen to be a sample.
          if (odd !== undefined && kind === 'live') continue;
          if (odd !== undefined) throw new Error(`input '${odd.name}' holds NaN or infinities`);
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error);
          throw new Error(`sample '${file.path}' can not be used: ${text}`, { cause: error });
        }
        yield sample;
      }
    },
  };
}

/**
 * Random samples of which the model takes one, so that all fit alike. Rejects with Error for people when no
 * size of what the model leaves open suits it.
 */
export async function randomSamples(
  model: RunnableModel,
  { description, shapes }: SampleFit,
  seed: number,
): Promise<SampleSet> {
  const random = seededRandom(seed);
  for (const fill of FILLS) {
    const made = Array.from({ length: RANDOM_SAMPLES }, () =>
      randomInputs(description.inputs, { random, fill, shapes }),
    );
    const samples = made.filter((inputs) => inputs !== null);
    const [first] = samples;
    if (first === undefined) continue;
    const answers = await model.run(first).then(
      () => true,
      () => false,
    );
    if (!answers) continue;
    return {
      kind: 'none',
      async *[Symbol.asyncIterator]() {
        yield* samples;
      },
    };
  }
  throw new Error('it answers no random input; name a folder of samples by quantization.calibration');
}

function holdsNumbers({ datatype, data }: NamedTensor): boolean {
  if (datatype !== 'FP16' && datatype !== 'FP32' && datatype !== 'FP64') return true;
  const { buffer } = new Uint8Array(data);
  // Of a half that is none all bits of the exponent are set.
  if (datatype === 'FP16') return new Uint16Array(buffer).every((half) => (half & 0x7c00) !== 0x7c00);
  const numbers = datatype === 'FP32' ? new Float32Array(buffer) : new Float64Array(buffer);
  return numbers.every(Number.isFinite);
}

async function readSample(
  path: string,
  format: SampleFile['format'],
  fit: SampleFit,
): Promise<readonly NamedTensor[]> {
  const content = await readFile(path);
  if (format === 'npz') return readNpz(content);
  if (format === 'recorded') return decodeSample(content);
  const { inputs } = fit.description;
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new Error(`the model has several inputs; save arrays called ${names} as one .npz file`);
  }
  const { name } = input;
  if (format === 'npy') return [{ name, ...readNpy(content) }];
  if (format === 'raw') return [{ name, ...rawTensor(input, fit, content) }];
  const spec = fit.images.get(name);
  if (spec === undefined) throw new Error(`input '${name}' takes no pictures by the model's configuration`);
  return [{ name, ...(await decodePicture(spec, content)) }];
}

function rawTensor(
  { datatype, shape, name }: TensorDescription,
  { shapes }: SampleFit,
  data: Uint8Array,
): Tensor {
  if (datatype === null || datatype === 'BYTES') throw new Error(`input '${name}' holds no numbers`);
  const filled = fillShape(shape, shapes.get(name) ?? [], 1);
  const bytes = elementCount(filled) * BYTE_SIZES[datatype];
  if (data.length === bytes) return { datatype, shape: filled, data };
  throw new Error(`it has ${data.length} bytes, ${datatype} of shape ${formatShape(filled)} takes ${bytes}`);
}

/** A sample with the batch dimension that a single row lacks. Throws Error when it does not fit. */
function fitted(sample: readonly NamedTensor[], { description }: SampleFit): NamedTensor[] {
  return description.inputs.map((input) => {
    const tensor = sample.find(({ name }) => name === input.name);
    if (tensor === undefined) throw new Error(`it holds no array '${input.name}'`);
    if (tensor.datatype !== input.datatype)
      throw new Error(
        `input '${input.name}' takes ${input.datatype ?? input.nativeType}, it holds ${tensor.datatype}`,
      );
    const missing = tensor.shape.length === input.shape.length - 1 && [1, -1].includes(input.shape[0] ?? 0);
    const shape = missing ? [1, ...tensor.shape] : tensor.shape;
    const fits =
      shape.length === input.shape.length && input.shape.every((dim, axis) => dim < 0 || dim === shape[axis]);
    if (fits) return { ...tensor, shape };
    throw new Error(
      `input '${input.name}' takes the shape ${formatShape(input.shape)}, it holds ${formatShape(tensor.shape)}`,
    );
  });
}
