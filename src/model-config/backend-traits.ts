/** What the serving thread must know of a backend without loading its code. */
export interface BackendTraits {
  readonly name: string;
  /** `platform` of ModelConfig and ModelMetadata. */
  readonly platform: string;
  /** '' when the backend reads no model file. */
  readonly defaultModelFilename: string;
  /** Whether strings may contain a NUL byte; ONNX Runtime's binding would cut them there. */
  readonly bytesMayHoldNul: boolean;
  /** Whether the model itself tells its inputs and outputs, so that a configuration may omit them. */
  readonly describesItself: boolean;
  /** Triton's onnxruntime backend answers its outputs in alphabetical order; others as configured. */
  readonly sortsOutputs: boolean;
}

const TRAITS: readonly BackendTraits[] = [
  {
    name: 'onnxruntime',
    platform: 'onnxruntime_onnx',
    defaultModelFilename: 'model.onnx',
    bytesMayHoldNul: false,
    describesItself: true,
    sortsOutputs: true,
  },
  {
    name: 'identity',
    platform: '',
    defaultModelFilename: '',
    bytesMayHoldNul: true,
    describesItself: false,
    sortsOutputs: false,
  },
];

export const BACKENDS: ReadonlyMap<string, BackendTraits> = new Map(
  TRAITS.map((traits) => [traits.name, traits]),
);
