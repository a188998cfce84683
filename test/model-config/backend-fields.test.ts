import { describe, expect, it } from 'vitest';
import { completeBackendFields } from '#naiad/model-config/backend-fields.js';
import { aConfig, problemLines } from './builders.js';

const fields = (platform: string, backend: string, file = '') =>
  aConfig({ platform, backend, default_model_filename: file });

describe('backend fields', () => {
  const onnx = ['onnxruntime_onnx', 'onnxruntime', 'model.onnx'];
  it.each([
    ['the backend', fields('', 'onnxruntime'), [], onnx],
    ['the platform', fields('onnxruntime_onnx', ''), [], onnx],
    ['the file name', fields('', '', 'model.onnx'), [], onnx],
    ['the file', fields('', ''), ['model.onnx', 'notes.txt'], onnx],
    [
      'all that is given',
      fields('onnxruntime_onnx', 'onnxruntime', 'net.onnx'),
      [],
      [onnx[0], onnx[1], 'net.onnx'],
    ],
    ['the ending of a file name', fields('', '', 'net.onnx'), [], [onnx[0], onnx[1], 'net.onnx']],
    ['a backend without files', fields('', 'identity'), [], ['', 'identity', '']],
  ])('follow from %s', (_, config, files, expected) => {
    const { config: completed, problems } = completeBackendFields(config, files);
    expect(problems).toEqual([]);
    expect([completed.platform, completed.backend, completed.default_model_filename]).toEqual(expected);
  });

  it.each([
    [fields('onnx', ''), [], "error platform: unexpected platform type 'onnx' for m"],
    [
      fields('onnxruntime_onx', ''),
      [],
      "error platform: unexpected platform type 'onnxruntime_onx' for m, did you mean 'onnxruntime_onnx'?",
    ],
    [
      fields('tensorrt_plan', ''),
      [],
      "error platform: platform 'tensorrt_plan' of m is not supported, supported backends are onnxruntime, identity, repeat",
    ],
    [
      fields('onnxruntime_onnx', 'python'),
      [],
      "error backend: unexpected 'platform' and 'backend' pair, got:onnxruntime_onnx, python",
    ],
    [
      fields('', 'onnxruntim'),
      [],
      "error backend: unable to find backend library for backend 'onnxruntim', try specifying runtime on the model configuration. (supported backends are onnxruntime, identity, repeat, did you mean 'onnxruntime'?)",
    ],
    [
      fields('', ''),
      [],
      "error : must specify 'platform' or 'backend' for 'm'; supported backends are onnxruntime, identity, repeat",
    ],
    [
      fields('', ''),
      ['resnet.onnx'],
      "error : must specify 'platform' or 'backend' for 'm'; the version folder holds 'resnet.onnx': name it in 'default_model_filename'",
    ],
  ])('refuse %#', (config, files, message) => {
    const result = completeBackendFields(config, files);
    expect(problemLines(result.problems)).toEqual([message]);
    expect(result.config).toBe(config);
  });
});
