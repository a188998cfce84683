import { invariant } from '../../lib/invariant.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import { toHalf } from './float16.js';
import type { Pixels } from './resample.js';

/** Elements of the tensor: FP16 as the bits of halves. */
export type Elements = Uint8Array | Uint16Array | Float32Array;

/** One picture's place in the tensor. */
export interface Placed {
  readonly pixels: Pixels;
  /** Where its left upper corner lies in the frame; what it leaves free gets the padding colour. */
  readonly x: number;
  readonly y: number;
}

/** Luma of ITU-R BT.601 in 16-bit fractions, as Pillow's mode L has it; equal channels keep their value. */
const LUMA = { red: 19_595, green: 38_470, blue: 7_471, half: 0x8000, shift: 16 } as const;

/**
 * Writes pixels as rows of the tensor that a spec asks for. There are 256 values of a pixel, so each
 * tensor channel's arithmetic is done once, in a table of the values it can have.
 */
export class TensorWriter {
  readonly #spec: ImageSpec;
  readonly #channels: readonly Channel[];
  /** Pixels go in as they are, in the order in which they are decoded. */
  readonly #direct: boolean;
  /** Elements of one picture. */
  readonly #rowLength: number;

  constructor(spec: ImageSpec) {
    const { width, height, channels, color, mean, std } = spec;
    invariant((color === 'gray') === (channels === 1), `${color} pictures in ${channels} channels`);
    invariant(mean.length === channels && std.length === channels, 'mean and std per channel');
    this.#spec = spec;
    this.#rowLength = width * height * channels;
    this.#channels = Array.from({ length: channels }, (_, channel) => channelOf(spec, channel));
    this.#direct =
      spec.datatype === 'UINT8' &&
      spec.layout === 'NHWC' &&
      color === 'rgb' &&
      this.#channels.every(({ table }) => table.every((value, pixel) => value === pixel));
  }

  /** A tensor for `rows` pictures that owns its ArrayBuffer. */
  allocate(rows: number): Elements {
    return elementsOf(this.#spec.datatype, rows * this.#rowLength);
  }

  /** Writes one picture; the row's elements must still be as allocated. */
  write(tensor: Elements, row: number, placed: Placed): void {
    const { width, height } = this.#spec;
    const { pixels } = placed;
    const start = row * this.#rowLength;
    const full = pixels.width === width && pixels.height === height;
    if (full && this.#direct) tensor.set(pixels.data, start);
    else {
      if (!full) this.#pad(tensor, start);
      for (const channel of this.#channels) this.#fill(tensor, start, channel, placed);
    }
  }

  #fill(tensor: Elements, start: number, channel: Channel, { pixels, x, y }: Placed): void {
    const { table, offset, stride, source } = channel;
    const { data } = pixels;
    const frameWidth = this.#spec.width;
    for (let line = 0; line < pixels.height; line++) {
      let from = line * pixels.width * 3;
      let to = start + offset + ((y + line) * frameWidth + x) * stride;
      const end = from + pixels.width * 3;
      if (source === 'luma') {
        for (; from < end; from += 3, to += stride) {
          const pixel = luma(data[from] as number, data[from + 1] as number, data[from + 2] as number);
          tensor[to] = table[pixel] as number;
        }
      } else {
        for (from += source; from < end; from += 3, to += stride) {
          tensor[to] = table[data[from] as number] as number;
        }
      }
    }
  }

  #pad(tensor: Elements, start: number): void {
    const [red, green, blue] = this.#spec.padColor;
    for (const { table, offset, stride, source } of this.#channels) {
      const value = table[source === 'luma' ? luma(red, green, blue) : ([red, green, blue][source] ?? 0)];
      const end = start + this.#rowLength;
      if (stride === 1)
        tensor.fill(
          value as number,
          start + offset,
          start + offset + this.#rowLength / this.#channels.length,
        );
      else for (let to = start + offset; to < end; to += stride) tensor[to] = value as number;
    }
  }
}

/** One channel of the tensor. */
interface Channel {
  /** The element for each value of a pixel. */
  readonly table: Elements;
  /** Elements from a picture's first to the channel's first. */
  readonly offset: number;
  /** Elements from one pixel to the next. */
  readonly stride: number;
  /** Byte of a decoded pixel that is read. */
  readonly source: 0 | 1 | 2 | 'luma';
}

function channelOf(spec: ImageSpec, channel: number): Channel {
  const { width, height, channels, layout, color } = spec;
  const interleaved = layout === 'NHWC';
  return {
    table: tableOf(spec, channel),
    offset: interleaved ? channel : channel * width * height,
    stride: interleaved ? channels : 1,
    source: color === 'gray' ? 'luma' : (SOURCES[color === 'bgr' ? 2 - channel : channel] ?? 0),
  };
}

const SOURCES = [0, 1, 2] as const;

function tableOf({ datatype, mean, std, scale }: ImageSpec, channel: number): Elements {
  const table = elementsOf(datatype, 256);
  for (let pixel = 0; pixel < 256; pixel++) {
    const value = ((pixel - (mean[channel] ?? 0)) / (std[channel] ?? 1)) * scale;
    table[pixel] = datatype === 'FP32' ? value : datatype === 'FP16' ? toHalf(value) : toByte(value);
  }
  return table;
}

function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}

function elementsOf(datatype: ImageSpec['datatype'], length: number): Elements {
  if (datatype === 'FP32') return new Float32Array(length);
  return datatype === 'FP16' ? new Uint16Array(length) : new Uint8Array(length);
}

function luma(red: number, green: number, blue: number): number {
  return (red * LUMA.red + green * LUMA.green + blue * LUMA.blue + LUMA.half) >>> LUMA.shift;
}
