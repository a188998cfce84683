import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { InstanceOptions } from '#naiad/backend/backend.js';
import type { Datatype } from '#naiad/tensor/datatype.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import type { LoadRequest } from '#naiad/worker/lanes.js';

/** Writes a model to a temporary file; give it back with {@link removeModel}. */
export function writeModel(bytes: Uint8Array): string {
  const file = join(mkdtempSync(join(tmpdir(), 'naiad-model-')), 'model.onnx');
  writeFileSync(file, bytes);
  return file;
}

/** Removes what {@link writeModel} has made. */
export function removeModel(file: string): void {
  rmSync(dirname(file), { recursive: true, force: true });
}

/** A CPU instance of version 1 of `model` with one thread. */
export function instanceOptions(overrides: Partial<InstanceOptions> = {}): InstanceOptions {
  const modelFile = overrides.modelFile ?? '/nowhere/1/model.onnx';
  return {
    modelName: 'model',
    version: 1,
    directory: dirname(modelFile),
    modelFile,
    device: { kind: 'cpu' },
    parameters: {},
    graphLevel: 0,
    intraOpThreads: 1,
    outputs: [],
    ...overrides,
  };
}

/** To load the ONNX model in `modelFile`. */
export function anOnnxLoad(modelFile: string, overrides: Partial<InstanceOptions> = {}): LoadRequest {
  const options = instanceOptions({ modelFile, ...overrides });
  const { modelName } = options;
  return { name: `${modelName}_0`, model: modelName, backend: 'onnxruntime', options };
}

/** To load an identity model with one INT32 output `OUTPUT0`. */
export function anIdentityLoad(
  parameters: Readonly<Record<string, string>> = {},
  overrides: Partial<InstanceOptions> = {},
): LoadRequest {
  const outputs = [{ name: 'OUTPUT0', datatype: 'INT32' as const }];
  const options = instanceOptions({ modelName: 'identity', parameters, outputs, ...overrides });
  return { name: `${options.modelName}_0`, model: options.modelName, backend: 'identity', options };
}

export function aTensor(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  data: Uint8Array,
): NamedTensor {
  return { name, datatype, shape, data };
}

/** INT32 of shape `[values.length / columns, columns]`. */
export function int32Tensor(name: string, values: readonly number[], columns = values.length): NamedTensor {
  const shape = [columns === 0 ? 0 : values.length / columns, columns];
  return aTensor(name, 'INT32', shape, new Uint8Array(Int32Array.from(values).buffer));
}

export function int32Values({ data }: NamedTensor): number[] {
  return [...new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}
