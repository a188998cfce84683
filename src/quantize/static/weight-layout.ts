/**
 * Where the weights of each output channel lie in a tensor: element `depth` of `row` of a channel is at
 * channel * channelStride + row * rowStride + depth * depthStride. Rows are the places under a filter and depth
 * its input channels: the order in which kernels add products up.
 */
export interface WeightLayout {
  readonly channels: number;
  readonly channelStride: number;
  readonly rows: number;
  readonly rowStride: number;
  readonly depth: number;
  readonly depthStride: number;
  /** Channels are in so many groups, each with input channels of its own. */
  readonly groups: number;
  /** Whether kernels add the products of neighbours in 16 bits; those of depthwise convolutions don't. */
  readonly pairs: boolean;
}

/** Layout of the filters of a convolution: [output channels, input channels of a group, ...places]. */
export function filterLayout(dims: readonly number[], groups: number): WeightLayout {
  const [channels = 1, depth = 1, ...places] = dims;
  const rows = places.reduce((a, size) => a * size, 1);
  const pairs = depth > 1 || channels !== groups;
  return {
    channels,
    channelStride: depth * rows,
    rows,
    rowStride: 1,
    depth,
    depthStride: rows,
    groups,
    pairs,
  };
}

/** Layout of a matrix whose columns are the output channels: [inputs, outputs]. */
export function columnLayout([depth = 1, channels = 1]: readonly number[]): WeightLayout {
  return {
    channels,
    channelStride: 1,
    rows: 1,
    rowStride: 1,
    depth,
    depthStride: channels,
    groups: 1,
    pairs: true,
  };
}

/** Layout of a matrix whose rows are the output channels: [outputs, inputs]. */
export function rowLayout([channels = 1, depth = 1]: readonly number[]): WeightLayout {
  return {
    channels,
    channelStride: depth,
    rows: 1,
    rowStride: 1,
    depth,
    depthStride: 1,
    groups: 1,
    pairs: true,
  };
}
