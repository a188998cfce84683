/** The messages that commands read, as proto-loader makes them: 64-bit numbers are strings. */
export interface TensorMetadataMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
}

export interface ModelMetadataMessage {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadataMessage[];
  readonly outputs: readonly TensorMetadataMessage[];
}

export interface ModelIndexMessage {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

export interface HistoryEntryMessage {
  readonly at_ms: string;
  readonly version: string;
  readonly event: string;
  readonly why: string;
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
}

export interface ModelConfigMessage {
  readonly max_batch_size: number;
}

export interface InferResponseMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: readonly TensorMetadataMessage[];
  readonly raw_output_contents: readonly Buffer[];
}

/** `INPUT0 FP32 [-1,16]` */
export function formatTensorMetadata({ name, datatype, shape }: TensorMetadataMessage): string {
  return `${name} ${datatype} [${shape.join(',')}]`;
}
