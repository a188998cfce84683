import { fromRawContents } from './contents.js';
import type { Datatype, Tensor } from './datatypes.js';
import type { ModelInferResponse__Output } from './generated/inference/ModelInferResponse.js';
import { fromInferParameters } from './parameters.js';

/** What a model answered. */
export class InferResult {
  readonly model: string;
  /** The version that answered. */
  readonly version: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, boolean | string | number>>;
  /** In the order of the answer. Their data are views into it: keeping one keeps all of it in memory. */
  readonly outputs: readonly Tensor[];

  /** Error for contents that do not fit their description. */
  constructor(response: ModelInferResponse__Output) {
    this.model = response.modelName;
    this.version = response.modelVersion;
    this.id = response.id;
    this.parameters = fromInferParameters(response.parameters);
    this.outputs = response.outputs.map(({ name, datatype, shape }, index) => {
      const raw = response.rawOutputContents[index];
      if (raw === undefined) throw new Error(`output '${name}' has no contents`);
      return fromRawContents(name, datatype, shape, raw);
    });
  }

  /** The output of that name. TypeError when there is none, or when it is of another datatype than expected. */
  output(name: string): Tensor;
  output<D extends Datatype>(name: string, datatype: D): Tensor<D>;
  output(name: string, datatype?: Datatype): Tensor {
    const found = this.outputs.find((output) => output.name === name);
    if (found === undefined) {
      const names = this.outputs.map((output) => `'${output.name}'`).join(', ');
      throw new TypeError(`there is no output '${name}'; there are ${names}`);
    }
    if (datatype !== undefined && found.datatype !== datatype) {
      throw new TypeError(`output '${name}' is of datatype ${found.datatype}, not ${datatype}`);
    }
    return found;
  }
}

/** Elements of BYTES as UTF-8. */
export function textsOf({ data }: Tensor<'BYTES'>): string[] {
  return data.map((element) => Buffer.from(element.buffer, element.byteOffset, element.length).toString());
}

/** One of the best classes. */
export interface Class {
  readonly index: number;
  readonly value: number;
  /** null for models without labels. */
  readonly label: string | null;
}

/** The best classes of each row, the best one first: what an output asked for with `classes` holds. */
export function classesOf(output: Tensor): Class[][] {
  if (output.datatype !== 'BYTES') {
    throw new TypeError(`output '${output.name}' holds no classes: ask for them with 'classes'`);
  }
  const perRow = output.shape.at(-1) ?? 0;
  const classes = textsOf(output).map(toClass);
  const rows = perRow === 0 ? 0 : classes.length / perRow;
  return Array.from({ length: rows }, (_, row) => classes.slice(row * perRow, (row + 1) * perRow));
}

/** `value:index` or `value:index:label`; labels may hold colons. */
function toClass(text: string): Class {
  const found = /^([^:]*):(\d+)(?::(.*))?$/s.exec(text);
  if (found === null) throw new TypeError(`'${text}' is no class`);
  return { index: Number(found[2]), value: Number(found[1]), label: found[3] ?? null };
}
