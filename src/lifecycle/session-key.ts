import type { InstanceOptions } from '../backend/backend.js';
import { invariant } from '../lib/invariant.js';
import { IMAGE_PREFIX } from '../model-config/image-settings.js';
import type { ModelConfig } from '../model-config/message.js';
import { isSessionParameter } from '../model-config/parameters.js';
import { QUANTIZATION_PREFIX } from '../model-config/quantization-parameters.js';
import type { ModelSource } from '../repository/model-source.js';
import { fromConfigType } from '../tensor/datatype.js';
import { INTRA_OP_THREADS_DEFAULT } from '../worker/lanes.js';
import type { GenerationVersion } from './generation.js';
import type { PlannedInstance } from './plan-instances.js';

/** What a backend is told to create an instance of a version. `modelFile` is an absolute path. */
export function instanceOptions(
  { folder, config }: ModelSource,
  version: number,
  modelFile: string,
  instance: PlannedInstance,
): InstanceOptions {
  const place = folder.versions.find((candidate) => candidate.version === version);
  invariant(place !== undefined, `version ${version} of model '${folder.name}' has no folder`);
  const { directory, origin } = place;
  return {
    modelName: folder.name,
    version,
    directory,
    modelFile,
    ...(directory === origin && { mutableFiles: true }),
    device: instance.device,
    parameters: Object.fromEntries(
      Object.entries(config.parameters)
        .filter(([key]) => isSessionParameter(key))
        .map(([key, value]) => [key, value.string_value]),
    ),
    graphLevel: config.optimization?.graph?.level ?? 0,
    intraOpThreads: INTRA_OP_THREADS_DEFAULT,
    outputs: config.output.flatMap(({ name, data_type }) => {
      const datatype = fromConfigType(data_type);
      return datatype === undefined ? [] : [{ name, datatype }];
    }),
  };
}

/**
 * Equal for instances that would compute the same in the same way: where the files lie does not matter,
 * nor whether they are in the form made for the machine; their content does.
 */
export function sessionKey(
  { backend, default_model_filename: modelFilename, parameters: given }: ModelConfig,
  {
    directory: _directory,
    modelFile: _file,
    compiled: _form,
    mutableFiles: _mutable,
    parameters,
    ...options
  }: InstanceOptions,
  { contentHash, samplesHash = '' }: Pick<GenerationVersion, 'contentHash' | 'samplesHash'>,
): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    backend,
    modelFilename,
    contentHash,
    sorted,
    options,
    ...quantizationParts(given, samplesHash),
  ]);
}

/** What a quantized model depends on besides its own parameters: samples, and how pictures among them are decoded. */
function quantizationParts(parameters: ModelConfig['parameters'], samplesHash: string): string[] {
  const keys = Object.keys(parameters);
  if (!keys.some((key) => key.startsWith(QUANTIZATION_PREFIX))) return [];
  const images = keys.filter((key) => key.startsWith(IMAGE_PREFIX)).sort();
  return [samplesHash, ...images.map((key) => `${key}=${parameters[key]?.string_value}`)];
}
