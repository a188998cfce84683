import { CONVOLUTION_OPERATORS } from './convolution.ts';
import { ELEMENTWISE_OPERATORS } from './elementwise.ts';
import type { Operators } from './operator.ts';
import { POOLING_OPERATORS } from './pooling.ts';
import { SHAPE_OPERATORS } from './shape.ts';

/** The TensorFlow operators that the imported nets use. */
export const OPERATORS: Operators = {
  ...CONVOLUTION_OPERATORS,
  ...ELEMENTWISE_OPERATORS,
  ...POOLING_OPERATORS,
  ...SHAPE_OPERATORS,
};
