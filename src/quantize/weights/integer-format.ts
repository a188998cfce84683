import { nodeOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import { blocksOf, quantizeIntegerBlocks } from './integer-blocks.js';
import type { PartsWriter } from './parts-writer.js';
import { CONTRIB_DOMAIN, checkBlockSize, refuseSize, type WeightFormat } from './weight-format.js';
import type { WeightLayer } from './weight-layer.js';

export interface IntegerFormatOptions {
  readonly bits: 4 | 8;
  /** A power of two from 16 to 256. */
  readonly blockSize: number;
  /** Whether zero lies in the middle of the integers; tables and filters are always so. */
  readonly symmetric: boolean;
}

/** Smaller blocks are not worth their scales, and MatMulNBits takes none. */
const BLOCK_SIZE_MIN = 16;

/** Lets MatMulNBits round its input to 8 bits by block: its fast kernels on the CPU. GPUs don't look at it. */
const ACCURACY_INT8 = 4;

/** Opsets since which DequantizeLinear has a scale for each row, scales of half precision, and 4 bits. */
const OPSET_ROWS = 13;
const OPSET_HALF = 19;
const OPSET_4_BITS = 21;

/**
 * Weights as 8- or 4-bit integers in blocks: products by MatMulNBits, tables by GatherBlockQuantized; filters
 * are made floats again by DequantizeLinear, which ONNX Runtime does not do in advance, at every run.
 * Throws an Error for people when no kernel takes such blocks.
 */
export function integerFormat(options: IntegerFormatOptions): WeightFormat {
  const { bits, blockSize } = options;
  checkBlockSize(blockSize);
  return {
    refuse: (layer) => refuseLayer(layer, options),
    bytesOf: (layer) => bytesOf(layer, options),
    opsetOf: (layer) => (layer.use === 'filter' ? filterOpset(layer, bits) : 1),
    kernelOf: ({ use }) => {
      if (use === 'filter') return 'DequantizeLinear';
      return `${CONTRIB_DOMAIN}:${use === 'lookup' ? 'GatherBlockQuantized' : 'MatMulNBits'}`;
    },
    writeWeights(layer, columns, writer) {
      const { weight, layout, use } = layer;
      const block = blockSizeOf(layer, options);
      const symmetric = isSymmetric(layer, options);
      const half = weight.dataType === DataType.float16;
      const encoded = quantizeIntegerBlocks(columns, { bits, blockSize: block, symmetric, half });
      const blocks = blocksOf(layout.depth, block);
      const base = `${weight.name}_int${bits}`;
      const isFilter = use === 'filter';
      if (isFilter) moveToSigned(encoded.packed, bits);
      const type = isFilter ? SIGNED_TYPES[bits] : DataType.uint8;
      const scaleDims = isFilter ? [layout.count * blocks] : [layout.count, blocks];
      const names = [
        writer.tensor(base, type, packedDims(layer, block, bits), encoded.packed),
        writer.floats(`${base}_scales`, weight.dataType, scaleDims, encoded.scales),
      ];
      if (encoded.zeroPoints !== null) {
        const dims = [layout.count, encoded.zeroPoints.length / layout.count];
        names.push(writer.tensor(`${base}_zero_points`, DataType.uint8, dims, encoded.zeroPoints));
      }
      return { names, error: encoded.error };
    },
    writeNodes(layer, { names }, output, name, writer) {
      const { layout, use, input } = layer;
      const [numbers = '', ...scales] = names;
      const domain = CONTRIB_DOMAIN;
      const block_size = blockSizeOf(layer, options);
      if (use === 'filter') {
        writeFilter(layer, names, output, name, writer);
      } else if (use === 'lookup') {
        const attributes = { gather_axis: 0, quantize_axis: 1, block_size, bits };
        const inputs = [numbers, input, ...scales];
        writer.add(nodeOf('GatherBlockQuantized', inputs, [output], { name, domain, attributes }));
      } else {
        const { depth: K, count: N } = layout;
        const attributes = { K, N, bits, block_size, accuracy_level: ACCURACY_INT8 };
        const inputs = [input, numbers, ...scales];
        writer.add(nodeOf('MatMulNBits', inputs, [output], { name, domain, attributes }));
      }
    },
  };
}

const SIGNED_TYPES = { 4: DataType.int4, 8: DataType.int8 } as const;

function refuseLayer(layer: WeightLayer, options: IntegerFormatOptions): string | null {
  const { use, layout } = layer;
  const block = blockSizeOf(layer, options);
  if (block === 0) {
    const what = use === 'filter' ? 'filters' : 'rows';
    return `its ${what} of ${layout.depth} weights can't be divided into blocks`;
  }
  return refuseSize(layer, bytesOf(layer, options));
}

/** The kernel for tables reads zero points of half a byte in the wrong places. */
function isSymmetric({ use }: WeightLayer, { symmetric }: IntegerFormatOptions): boolean {
  return symmetric || use !== 'multiply';
}

/** Weights that share a scale; 0 for filters and rows that can't be divided. */
function blockSizeOf(
  { use, layout: { depth } }: WeightLayer,
  { blockSize, bits }: IntegerFormatOptions,
): number {
  if (use === 'multiply') {
    // The last block of a column is filled up: not further than need be.
    let size = BLOCK_SIZE_MIN;
    while (size < Math.min(blockSize, depth)) size *= 2;
    return size;
  }
  // DequantizeLinear takes blocks of any size; two numbers of 4 bits share a byte.
  const step = bits === 4 ? 2 : 1;
  for (let size = blockSize; size >= BLOCK_SIZE_MIN; size = use === 'lookup' ? size / 2 : size - step) {
    if (depth % size === 0) return size;
  }
  return use === 'filter' && bits === 8 ? depth : 0;
}

function bytesOf(layer: WeightLayer, options: IntegerFormatOptions): number {
  const { depth, count } = layer.layout;
  const block = blockSizeOf(layer, options);
  const blocks = blocksOf(depth, block);
  const scaleBytes = layer.weight.dataType === DataType.float ? 4 : 2;
  const zeroPointBytes = isSymmetric(layer, options) ? 0 : Math.ceil((blocks * options.bits) / 8);
  return count * ((blocks * block * options.bits) / 8 + blocks * scaleBytes + zeroPointBytes);
}

function packedDims({ use, layout: { depth, count } }: WeightLayer, block: number, bits: number): number[] {
  if (use === 'filter') return [(count * depth) / block, block];
  if (use === 'lookup') return [count, (depth * bits) / 8];
  return [count, blocksOf(depth, block), (block * bits) / 8];
}

/** From numbers around the middle of the unsigned ones to those around zero: that is another first bit. */
function moveToSigned(packed: Uint8Array, bits: 4 | 8): void {
  const firstBits = bits === 8 ? 0x80 : 0x88;
  for (let index = 0; index < packed.length; index++) packed[index] = (packed[index] as number) ^ firstBits;
}

function filterOpset({ weight }: WeightLayer, bits: 4 | 8): number {
  if (bits === 4) return OPSET_4_BITS;
  return weight.dataType === DataType.float ? OPSET_ROWS : OPSET_HALF;
}

function writeFilter(
  { weight }: WeightLayer,
  names: readonly string[],
  output: string,
  name: string,
  writer: PartsWriter,
): void {
  const blocks = writer.name(`${output}_blocks`);
  const reshape = { name: writer.name(`${output}_reshaped`) };
  writer.add(nodeOf('DequantizeLinear', names, [blocks], { name, attributes: { axis: 0 } }));
  writer.add(nodeOf('Reshape', [blocks, writer.shape(weight.dims)], [output], reshape));
}
