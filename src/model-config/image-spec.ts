import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';

export const RESIZE_MODES = ['stretch', 'cover', 'contain'] as const;
export const RESIZE_KERNELS = ['nearest', 'linear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'] as const;
export const COLOR_ORDERS = ['rgb', 'bgr', 'gray'] as const;

export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * How encoded pictures become an input tensor: value = (pixel - mean) / std * scale, pixel in 0..255,
 * mean and std per channel in the tensor's channel order.
 */
export interface ImageSpec {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly layout: 'NHWC' | 'NCHW';
  readonly datatype: Extract<Datatype, 'FP32' | 'FP16' | 'UINT8'>;
  readonly resize: (typeof RESIZE_MODES)[number];
  readonly kernel: (typeof RESIZE_KERNELS)[number];
  readonly color: (typeof COLOR_ORDERS)[number];
  /** Fills what `contain` leaves free, 0..255. */
  readonly padColor: Rgb;
  /** What shines through transparent pixels, 0..255. */
  readonly background: Rgb;
  /** `channels` numbers. */
  readonly mean: readonly number[];
  /** `channels` numbers, none 0. */
  readonly std: readonly number[];
  readonly scale: number;
  /** Width x height of one picture (all frames of one page). */
  readonly pixelsMax: number;
  /** Encoded size of one picture. */
  readonly bytesMax: number;
  readonly framesMax: number;
}

/** Bytes that one picture takes in the tensor. */
export function decodedBytesOf({ height, width, channels, datatype }: ImageSpec): number {
  return height * width * channels * BYTE_SIZES[datatype];
}
