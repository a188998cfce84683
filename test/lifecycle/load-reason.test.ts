import { describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import { inGpuTerms, loadReason, loadRefusal } from '#naiad/lifecycle/load-reason.js';
import { type Finding, FindingsError } from '#naiad/model-config/findings.js';
import { UnloadableError } from '#naiad/repository/model-source.js';

const finding = (message: string, line = 3): Finding => ({
  severity: 'error',
  file: 'config.pbtxt',
  line,
  message,
});

describe('the reason of a failed load', () => {
  it.each([
    [new Error('onnx runtime error 7: parsing failed'), 'Internal: onnx runtime error 7: parsing failed'],
    [new ServingError('INVALID_ARGUMENT', 'wrong'), 'Invalid argument: wrong'],
    [new ServingError('UNAVAILABLE', 'lost'), 'Unavailable: lost'],
    [
      new FindingsError([finding('a'), { ...finding('b'), severity: 'warning' }, finding('c', 0)]),
      'Invalid argument: a (config.pbtxt:3); c (config.pbtxt)',
    ],
    [new FindingsError([{ ...finding('d', 0), file: '' }]), 'Invalid argument: d'],
    [
      new FindingsError([finding('failed to stat file /r/m/1/model.onnx: version folder 1 lacks it')]),
      'Internal: failed to stat file /r/m/1/model.onnx: version folder 1 lacks it (config.pbtxt:3)',
    ],
    [
      new FindingsError([finding('failed to open text file for read /r/m/l.txt: Permission denied')]),
      'Internal: failed to open text file for read /r/m/l.txt: Permission denied (config.pbtxt:3)',
    ],
  ])("has Triton's word for its status: %#", (error, reason) => {
    expect(loadReason(error)).toBe(reason);
  });
});

describe('the answer to a load that was refused before it began', () => {
  it('says that the repository could not be read, with the reason', () => {
    expect(loadRefusal('m', new FindingsError([finding('wrong')]))).toMatchObject({
      code: 'INTERNAL',
      message: "failed to load 'm', failed to poll from model repository: config.pbtxt:3: wrong",
    });
  });

  it('is that of a failed load where Triton would have tried one', () => {
    expect(loadRefusal('m', new UnloadableError([finding('wrong')], [1, 3]))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        "load failed for model 'm': version 1 is at UNAVAILABLE state: Invalid argument: wrong (config.pbtxt:3);version 3 is at UNAVAILABLE state: Invalid argument: wrong (config.pbtxt:3);\n",
    });
    expect(loadRefusal('m', new UnloadableError([finding('none is there')], []))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        "load failed for model 'm': at least one version must be available under the version policy of model 'm'\n",
    });
  });
});

describe('an instance without its GPU', () => {
  const missing = new Error('onnx runtime error 1: Cuda: Failed to load shared library (a hint)');
  const gpu = { device: { kind: 'gpu', id: 0 }, group: 0 } as const;
  const group = (name: string) => ({ name: 'm', instance_group: [{ name }] });

  it("is refused in Triton's words", () => {
    for (const [name, shown] of [
      ['', 'm_0'],
      ['fast', 'fast'],
    ] as const) {
      expect(loadReason(inGpuTerms(missing, gpu, group(name)))).toBe(
        `Invalid argument: instance group ${shown} of model m has kind KIND_GPU but no GPUs are available: ${missing.message}`,
      );
    }
  });

  it('has any other failure as it is', () => {
    const other = new Error('onnx runtime error 7: parsing failed');
    expect(inGpuTerms(other, gpu, group(''))).toBe(other);
    expect(inGpuTerms(missing, { device: { kind: 'cpu' }, group: 0 }, group(''))).toBe(missing);
  });
});
