import { nodeOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import { type CodeBook, FP4, NF4 } from './code-books.js';
import { quantizeFloatBlocks } from './float-blocks.js';
import type { PartsWriter } from './parts-writer.js';
import {
  CONTRIB_DOMAIN,
  checkBlockSize,
  refuseSize,
  type WeightFormat,
  type WrittenWeights,
} from './weight-format.js';
import type { WeightLayer } from './weight-layer.js';

interface CodeBookKind {
  readonly book: CodeBook;
  /** `quant_type` of MatMulBnb4. */
  readonly quantType: number;
}

const KINDS = {
  fp4: { book: FP4, quantType: 0 },
  nf4: { book: NF4, quantType: 1 },
} as const satisfies Record<string, CodeBookKind>;

/** Filters with fewer weights are too different from each other to share a scale. */
const FILTER_DEPTH_MIN = 16;

/** Rows of the matrix that stands for a filter: see `writeFilter`. */
const FILTER_ROWS = 8;

/**
 * Weights as 4-bit numbers of a code book in blocks: products by MatMulBnb4, filters made floats again by it
 * at every run. Throws an Error for people when the kernel takes no such blocks.
 */
export function codeBookFormat(name: keyof typeof KINDS, blockSize: number): WeightFormat {
  checkBlockSize(blockSize);
  const { book, quantType } = KINDS[name];
  const attributesOf = (K: number, N: number) => ({ K, N, block_size: blockSize, quant_type: quantType });
  return {
    refuse: (layer) => refuseLayer(layer, blockSize),
    bytesOf: (layer) => bytesOf(layer, blockSize),
    opsetOf: () => 1,
    kernelOf: () => `${CONTRIB_DOMAIN}:MatMulBnb4`,
    writeWeights(layer, columns, writer) {
      const { packed, peaks, error } = quantizeFloatBlocks(columns, book, blockSize);
      const base = `${layer.weight.name}_${name}`;
      const names = [
        writer.tensor(base, DataType.uint8, [packed.length], packed),
        writer.floats(`${base}_peaks`, layer.weight.dataType, [peaks.length], peaks),
      ];
      return { names, error };
    },
    writeNodes(layer, weights, output, nodeName, writer) {
      const { layout, use, input } = layer;
      if (use === 'filter') {
        const columns = (layout.depth * layout.count) / FILTER_ROWS;
        writeFilter(layer, weights, attributesOf(FILTER_ROWS, columns), output, nodeName, writer);
      } else {
        const attributes = attributesOf(layout.depth, layout.count);
        const parts = { name: nodeName, domain: CONTRIB_DOMAIN, attributes };
        writer.add(nodeOf('MatMulBnb4', [input, ...weights.names], [output], parts));
      }
    },
  };
}

function refuseLayer(layer: WeightLayer, blockSize: number): string | null {
  const { use, layout } = layer;
  if (use === 'lookup') return 'no kernel looks up rows of 4-bit floats';
  if (use === 'filter' && layout.depth < FILTER_DEPTH_MIN) {
    return `its filters have ${layout.depth} weights each, too few for 4 bits`;
  }
  if (use === 'filter' && (layout.depth * layout.count) % FILTER_ROWS !== 0) {
    return `its weights can't be divided by ${FILTER_ROWS}`;
  }
  return refuseSize(layer, bytesOf(layer, blockSize));
}

function bytesOf({ weight, layout }: WeightLayer, blockSize: number): number {
  const total = layout.depth * layout.count;
  const peakBytes = weight.dataType === DataType.float ? 4 : 2;
  return Math.ceil(total / 2) + Math.ceil(total / blockSize) * peakBytes;
}

/**
 * ONNX Runtime has no kernel that only makes floats of such numbers, but the product with the identity does: the
 * weights in their order are the columns of a matrix of few rows. A product of constants would be computed once
 * and for all when the model is loaded; so the identity is looked up at a place that is 0 for any input of the
 * layer, which also puts the work off until the layer's turn.
 */
function writeFilter(
  { weight, input }: WeightLayer,
  weights: WrittenWeights,
  attributes: Readonly<Record<string, number>>,
  output: string,
  name: string,
  writer: PartsWriter,
): void {
  const value = (what: string): string => writer.name(`${output}_${what}`);
  const add = (opType: string, inputs: readonly string[], what: string, parts = {}): string => {
    const made = value(what);
    writer.add(nodeOf(opType, inputs, [made], parts));
    return made;
  };
  const size = add('Size', [input], 'size');
  const zero = add('Sub', [size, size], 'zero');
  const identity = writer.identity(weight.dataType, FILTER_ROWS);
  const factor = add('Gather', [identity, zero], 'identity', { attributes: { axis: 0 } });
  const parts = { name, domain: CONTRIB_DOMAIN, attributes };
  const rows = value('rows');
  writer.add(nodeOf('MatMulBnb4', [factor, ...weights.names], [rows], parts));
  const flat = add('Transpose', [rows], 'flat', { attributes: { perm: [1, 0] } });
  writer.add(nodeOf('Reshape', [flat, writer.shape(weight.dims)], [output], { name: value('reshaped') }));
}
