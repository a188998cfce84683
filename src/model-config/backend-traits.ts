/** What the serving thread must know of a backend without loading its code. */
export interface BackendTraits {
  readonly name: string;
  /** `platform` of ModelConfig and ModelMetadata. */
  readonly platform: string;
  /** '' when the backend reads no model file. */
  readonly defaultModelFilename: string;
  /**
   * Whether BYTES elements must be UTF-8 without NUL bytes: ONNX Runtime's binding takes strings, cuts
   * them at a NUL and replaces what is not UTF-8.
   */
  readonly bytesMustBeText: boolean;
  /** Whether the model itself tells its inputs and outputs, so that a configuration may omit them. */
  readonly describesItself: boolean;
  /** Triton's onnxruntime backend answers its outputs in alphabetical order; others as configured. */
  readonly sortsOutputs: boolean;
  /** Whether decoupled models answer any number of times; others give one answer. */
  readonly streams: boolean;
}

const TRAITS: readonly BackendTraits[] = [
  {
    name: 'onnxruntime',
    platform: 'onnxruntime_onnx',
    defaultModelFilename: 'model.onnx',
    bytesMustBeText: true,
    describesItself: true,
    sortsOutputs: true,
    streams: false,
  },
  {
    name: 'identity',
    platform: '',
    defaultModelFilename: '',
    bytesMustBeText: false,
    describesItself: false,
    sortsOutputs: false,
    streams: false,
  },
  {
    name: 'repeat',
    platform: '',
    defaultModelFilename: '',
    bytesMustBeText: false,
    describesItself: false,
    sortsOutputs: false,
    streams: true,
  },
];

export const BACKENDS: ReadonlyMap<string, BackendTraits> = new Map(
  TRAITS.map((traits) => [traits.name, traits]),
);
