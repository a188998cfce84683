import { invariant } from '../../lib/invariant.js';
import { isDatatype } from '../../tensor/datatype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { CallError, type ServerClient } from '../client.js';
import { CommandError } from '../exit-codes.js';
import { type InputSignature, type Source, toInputTensors, toSignatures } from '../infer-inputs.js';
import { splitClass, toResult } from '../infer-result.js';
import type { InferResponseMessage, ModelMetadataMessage } from '../messages.js';
import { withKnownModels } from '../read-index.js';
import { chooseOutput, ItemError, type Predictor } from './predictor.js';

export interface ServedModel {
  readonly client: ServerClient;
  readonly model: string;
  /** '' = the latest. */
  readonly version: string;
  /** '' = the one that holds classes. */
  readonly output: string;
  /** Asked one after the other for the names of the classes, until one is answered. */
  readonly samples: readonly (() => Promise<Source>)[];
}

/** What the server answers when an item, and not the model, is at fault. */
const ITEM_CODES = ['INVALID_ARGUMENT', 'OUT_OF_RANGE'];

/** More than any model has classes: all are told. */
const ALL_CLASSES = 1_000_000;

/** A version of a model on a running server; the client is the caller's. Rejects with CommandError. */
export async function openServed(served: ServedModel): Promise<Predictor> {
  const { client, model, version, samples } = served;
  let metadata: ModelMetadataMessage;
  try {
    metadata = await client.call<ModelMetadataMessage>('ModelMetadata', { name: model, version });
  } catch (error) {
    throw await withKnownModels(client, error, model);
  }
  const outputs = metadata.outputs.map((output) => ({ ...output, shape: output.shape.map(Number) }));
  const output = chooseOutput(model, outputs, served.output);
  const asker = new Asker(served, toSignatures(metadata), output);
  const isScored = /^B?FP/.test(outputs.find(({ name }) => name === output)?.datatype ?? '');
  return {
    name: version === '' ? model : `${model} ${version}`,
    classNames: isScored ? await asker.classNames(samples) : [],
    ask: (source) => asker.ask(source),
    async close() {},
  };
}

class Asker {
  readonly #served: ServedModel;
  readonly #signatures: readonly InputSignature[];
  readonly #output: string;

  constructor(served: ServedModel, signatures: readonly InputSignature[], output: string) {
    this.#served = served;
    this.#signatures = signatures;
    this.#output = output;
  }

  async ask(source: Source): Promise<Tensor> {
    const { outputs, raw_output_contents } = await this.#call(source, {});
    const [output] = outputs;
    invariant(output !== undefined, 'an answer holds the output that was asked for');
    if (!isDatatype(output.datatype)) {
      throw new CommandError(`output '${output.name}' has the unknown datatype '${output.datatype}'`);
    }
    return {
      datatype: output.datatype,
      shape: output.shape.map(Number),
      data: raw_output_contents[0] ?? new Uint8Array(0),
    };
  }

  /** By the protocol's classification, which names all classes of an answer. */
  async classNames(samples: ServedModel['samples']): Promise<string[]> {
    for (const sample of samples) {
      try {
        const response = await this.#call(await sample(), {
          classification: { int64_param: ALL_CLASSES },
        });
        const names: string[] = [];
        for (const text of toResult(response).outputs[0]?.data ?? []) {
          const { index, label } = splitClass(String(text));
          if (label !== '') names[Number(index)] = label;
        }
        return Array.from(names, (name) => name ?? '');
      } catch (error) {
        if (!(error instanceof ItemError)) throw error;
      }
    }
    return [];
  }

  async #call(source: Source, parameters: object): Promise<InferResponseMessage> {
    const { client, model, version } = this.#served;
    try {
      const tensors = toInputTensors(model, this.#signatures, [{ input: null, source }]);
      return await client.call<InferResponseMessage>('ModelInfer', {
        model_name: model,
        model_version: version,
        inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        outputs: [{ name: this.#output, parameters }],
        raw_input_contents: tensors.map(({ data }) => data),
      });
    } catch (error) {
      const isItems =
        error instanceof CallError ? ITEM_CODES.includes(error.code) : error instanceof CommandError;
      if (isItems) throw new ItemError((error as Error).message, { cause: error });
      throw error;
    }
  }
}
