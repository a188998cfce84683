import type { ImageSpec } from '../model-config/image-spec.js';
import type { InputSpec } from '../model-config/model-spec.js';
import { splitBytes } from '../tensor/bytes.js';
import type { NamedTensor, Tensor } from '../tensor/tensor.js';
import { readPicture } from '../worker/decode/read-picture.js';
import { refusalOfBytes } from '../worker/decode/refusals.js';
import { TensorWriter } from '../worker/decode/tensor-writer.js';
import { CommandError } from './exit-codes.js';
import { type InputSignature, type Source, toInputTensors } from './infer-inputs.js';

/** The inputs of a model as a client may send them, the batch dimension included. */
export function signaturesOf(inputs: readonly InputSpec[], maxBatchSize: number): InputSignature[] {
  return inputs.map(({ name, datatype, dims }) => ({
    name,
    datatype,
    shape: maxBatchSize > 0 ? [-1, ...dims] : dims,
  }));
}

/**
 * What a model runs with for a source: pictures decoded by the settings of their input, as a server would.
 * Rejects with {@link CommandError} that says what is wrong with the source.
 */
export async function toRunInputs(
  model: string,
  inputs: readonly InputSpec[],
  maxBatchSize: number,
  source: Source,
): Promise<NamedTensor[]> {
  const tensors = toInputTensors(model, signaturesOf(inputs, maxBatchSize), [{ input: null, source }]);
  return Promise.all(
    tensors.map(async (tensor): Promise<NamedTensor> => {
      const input = inputs.find(({ name }) => name === tensor.name);
      if (input === undefined) return tensor;
      const decoded =
        tensor.datatype === 'BYTES' && input.datatype !== 'BYTES' ? await decode(input, tensor) : tensor;
      if (decoded.datatype !== input.datatype) {
        throw new CommandError(`input '${input.name}' takes ${input.datatype}, not ${decoded.datatype}`);
      }
      const batch = maxBatchSize > 0 ? decoded.shape.slice(0, 1) : [];
      const shape = input.backendDims === input.dims ? decoded.shape : [...batch, ...input.backendDims];
      return { name: input.name, datatype: decoded.datatype, shape, data: decoded.data };
    }),
  );
}

async function decode({ name, image }: InputSpec, { data }: Tensor): Promise<Tensor> {
  if (image === null) {
    throw new CommandError(
      `input '${name}' takes no pictures: it needs a fixed height and width, and 1 or 3 channels at the place that format tells; --config or --image say so`,
    );
  }
  const pictures = splitBytes(data);
  const writer = new TensorWriter(image);
  const tensor = writer.allocate(pictures.length);
  for (const [row, bytes] of pictures.entries()) {
    const refusal = refusalOfBytes(image, bytes);
    if (refusal !== null) throw new CommandError(`it ${refusal}`);
    const reading = await readPicture(image, bytes);
    if (reading.kind === 'refused') throw new CommandError(`it ${reading.reason}`);
    writer.write(tensor, row, reading.placed);
  }
  const { datatype } = image;
  return { datatype, shape: [pictures.length, ...frameOf(image)], data: new Uint8Array(tensor.buffer) };
}

function frameOf({ layout, height, width, channels }: ImageSpec): number[] {
  return layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
}
