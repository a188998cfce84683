import { describe, expect, it } from 'vitest';
import { inputErrors, parameterErrors, payloadErrors } from '#naiad/errors/catalogue.js';
import type { InferRequest } from '#naiad/inference/request.js';
import type { ImageSpec } from '#naiad/model-config/image-spec.js';
import type { ModelSpec } from '#naiad/model-config/model-spec.js';
import { checkRequest } from '#naiad/service/check-request.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { joinBytes } from '#naiad/tensor/bytes.js';
import { aModelSpec, anInputSpec, anOutputSpec, aServingModel } from '../support/models.js';
import { anInput, aRequest } from '../support/requests.js';

const P = '[request id: <id_unknown>] ';
const NOTE =
  'NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size.';

const check = (request: Partial<InferRequest>, spec: ModelSpec = aModelSpec()) =>
  checkRequest(aRequest(request), aServingModel(spec));

const bytes = (...elements: string[]): Uint8Array => joinBytes(elements.map((text) => Buffer.from(text)));
const in0 = (overrides: Parameters<typeof anInput>[0] = {}) => anInput({ name: 'INPUT0', ...overrides });
const in1 = (overrides: Parameters<typeof anInput>[0] = {}) => anInput({ name: 'INPUT1', ...overrides });

const bytesSpec = aModelSpec({
  inputs: [anInputSpec({ name: 'INPUT0', datatype: 'BYTES', dims: [-1] })],
  outputs: [anOutputSpec({ datatype: 'BYTES', dims: [-1] })],
});
const withoutBatch = aModelSpec({
  maxBatchSize: 0,
  inputs: [anInputSpec({ datatype: 'FP32', dims: [-1, -1, 2] })],
});
const withOptional = aModelSpec({
  inputs: [anInputSpec({ name: 'INPUT0' }), anInputSpec({ name: 'INPUT1', optional: true })],
});

describe('checkRequest refuses, with the text of Triton,', () => {
  it.each<[string, Partial<InferRequest>, string, ModelSpec?]>([
    [
      'a missing input',
      { inputs: [in0()] },
      `${P}expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']. Please provide all required input(s).`,
    ],
    [
      'a missing input, naming the request',
      { id: 'req-2', inputs: [in0()] },
      `[request id: req-2] expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']. Please provide all required input(s).`,
    ],
    [
      'no inputs',
      { inputs: [] },
      `${P}expected 2 inputs but got 0 inputs for model 'simple'. Got input(s) [], but missing required input(s) ['INPUT0','INPUT1']. Please provide all required input(s).`,
    ],
    [
      'an extra input',
      { inputs: [in0(), in1(), anInput({ name: 'EXTRA' })] },
      `${P}expected 2 inputs but got 3 inputs for model 'simple'. Got input(s) ['EXTRA','INPUT1','INPUT0'], but missing required input(s) ]. Please provide all required input(s).`,
    ],
    [
      'an unknown input',
      { inputs: [in0(), anInput({ name: 'OTHER' })] },
      "unexpected inference input 'OTHER' for model 'simple'",
    ],
    [
      'too few inputs of a model with optional ones',
      { inputs: [] },
      `${P}expected number of inputs between 1 and 2 but got 0 inputs for model 'simple'. Got input(s) [], but missing required input(s) ['INPUT0']. Please provide all required input(s).`,
      withOptional,
    ],
    [
      'an unknown output',
      { outputs: [{ name: 'NOPE', classification: 0 }] },
      "unexpected inference output 'NOPE' for model 'simple'",
    ],
    ['an input given twice', { inputs: [in0(), in0()] }, `${P}input 'INPUT0' already exists in request`],
    [
      'an output given twice',
      {
        outputs: [
          { name: 'OUTPUT0', classification: 0 },
          { name: 'OUTPUT0', classification: 1 },
        ],
      },
      `${P}output 'OUTPUT0' already exists in request`,
    ],
    [
      'another datatype',
      { inputs: [in0(), in1({ datatype: 'FP32' })] },
      `${P}inference input 'INPUT1' data-type is 'FP32', but model 'simple' expects 'INT32'`,
    ],
    [
      'datatypes that do not exist',
      { inputs: [in0({ datatype: 'int32' }), in1()] },
      `${P}inference input 'INPUT0' data-type is '<invalid>', but model 'simple' expects 'INT32'`,
    ],
    [
      'the last of two wrong datatypes',
      { inputs: [in0({ datatype: 'INT64' }), in1({ datatype: 'INT64' })] },
      `${P}inference input 'INPUT1' data-type is 'INT64', but model 'simple' expects 'INT32'`,
    ],
    [
      'another shape',
      { inputs: [in0(), in1({ shape: [1, 17] })] },
      `${P}unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [1,17]. ${NOTE}`,
    ],
    [
      'a shape of another rank',
      { inputs: [in0(), in1({ shape: [1, 16, 1] })] },
      `${P}unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [1,16,1]. ${NOTE}`,
    ],
    [
      'another shape, without the note for a model without batches',
      { inputs: [in0({ datatype: 'FP32', shape: [1, 1, 3] })] },
      `${P}unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,-1,2], got [1,1,3]. `,
      withoutBatch,
    ],
    [
      'an open dimension',
      { inputs: [in0(), in1({ shape: [1, -1] })] },
      `${P}All input dimensions should be specified for input 'INPUT1' for model 'simple', got [1,-1]`,
    ],
    [
      'an open first dimension of a model without batches',
      { inputs: [in0({ datatype: 'FP32', shape: [-1, 2, 2] })] },
      `${P}All input dimensions should be specified for input 'INPUT0' for model 'simple', got [-1,2,2]`,
      withoutBatch,
    ],
    [
      'no shape',
      { inputs: [in0({ shape: [] }), in1({ shape: [] })] },
      `${P}input 'INPUT1' has no shape but model requires batch dimension for 'simple'`,
    ],
    [
      'batch sizes that differ',
      { inputs: [in0({ shape: [2, 16] }), in1()] },
      `${P}input 'INPUT0' batch size does not match other inputs for 'simple'`,
    ],
    [
      'a batch over the maximum',
      { inputs: [in0({ shape: [9, 16] }), in1({ shape: [9, 16] })] },
      `${P}inference request batch-size must be <= 8 for 'simple'`,
    ],
    [
      'an empty batch',
      { inputs: [in0({ shape: [0, 16] }), in1({ shape: [0, 16] })] },
      `${P}input 'INPUT0' has batch size 0, model 'simple' needs at least 1`,
    ],
    [
      'a negative batch',
      { inputs: [in0({ shape: [-1, 16] }), in1({ shape: [-1, 16] })] },
      `${P}input 'INPUT0' batch size does not match other inputs for 'simple'`,
    ],
    [
      'too few bytes',
      { inputs: [in0({ data: new Uint8Array(32) }), in1()] },
      `${P}input byte size mismatch for input 'INPUT0' for model 'simple'. Expected 64, got 32`,
    ],
    [
      'too many bytes',
      { inputs: [in0(), in1({ data: new Uint8Array(65) })] },
      `${P}input byte size mismatch for input 'INPUT1' for model 'simple'. Expected 64, got 65`,
    ],
    [
      'a cut length',
      { inputs: [in0({ datatype: 'BYTES', shape: [1, 1], data: bytes('a').subarray(0, 2) })] },
      `${P}incomplete string length indicator for inference input 'INPUT0' for model 'simple', expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in one buffer.`,
      bytesSpec,
    ],
    [
      'an element that runs over the end',
      {
        inputs: [in0({ datatype: 'BYTES', shape: [1, 1], data: Uint8Array.of(255, 255, 255, 255, 1, 2, 3) })],
      },
      "incomplete string data for inference input 'INPUT0', expecting string of length 4294967295 but only 3 bytes available",
      bytesSpec,
    ],
    [
      'more elements than the shape says',
      { inputs: [in0({ datatype: 'BYTES', shape: [1, 1], data: bytes('a', 'b', 'c') })] },
      `${P}unexpected number of string elements 2 for inference input 'INPUT0' for model 'simple', expecting 1`,
      bytesSpec,
    ],
    [
      'fewer elements than the shape says',
      { inputs: [in0({ datatype: 'BYTES', shape: [1, 3], data: bytes('a') })] },
      `${P}expected 3 string elements for inference input 'INPUT0' for model 'simple', got 1`,
      bytesSpec,
    ],
    [
      'a string that is not UTF-8',
      { inputs: [in0({ datatype: 'BYTES', shape: [1, 1], data: joinBytes([Uint8Array.of(0xff)]) })] },
      `${P}string element 0 of input 'INPUT0' is not UTF-8 text without NUL bytes, which is all that the backend of model 'simple' can receive`,
      bytesSpec,
    ],
    [
      'a string that the backend would cut',
      { inputs: [in0({ datatype: 'BYTES', shape: [1, 2], data: bytes('a', 'b\0c') })] },
      `${P}string element 1 of input 'INPUT0' is not UTF-8 text without NUL bytes, which is all that the backend of model 'simple' can receive`,
      bytesSpec,
    ],
  ])('%s', (_, request, message, spec) => {
    expect(() => check(request, spec)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }),
    );
  });
});

describe('checkRequest reports of several mistakes the one that Triton reports:', () => {
  const parameters = parameterErrors.timeoutType();
  const payload = payloadErrors.missing('simple', 'INPUT0');
  const outputs = inputErrors.unknown('simple', 'x');
  const everything = aRequest({
    inputs: [in0(), in0({ datatype: 'x' })],
    outputs: [{ name: 'NOPE', classification: 0 }],
    problems: { parameters, outputs, payload },
  });

  it.each<[string, Partial<InferRequest>, string]>([
    ['parameters before inputs', {}, parameters.message],
    [
      'duplicates before data',
      { problems: { parameters: null, outputs, payload } },
      `${P}input 'INPUT0' already exists in request`,
    ],
    [
      'data before outputs',
      { inputs: [in0()], problems: { parameters: null, outputs, payload } },
      payload.message,
    ],
    [
      'output parameters before output names',
      { inputs: [in0()], problems: { parameters: null, outputs, payload: null } },
      outputs.message,
    ],
    [
      'output names before input names',
      { inputs: [in0()], problems: { parameters: null, outputs: null, payload: null } },
      "unexpected inference output 'NOPE' for model 'simple'",
    ],
  ])('%s', (_, overrides, message) => {
    expect(() => check({ ...everything, ...overrides })).toThrow(message);
  });
});

describe('checkRequest passes', () => {
  it('tensors as they came, with rows and all outputs', () => {
    const checked = check({
      inputs: [
        in0({ shape: [2, 16], data: new Uint8Array(128) }),
        in1({ shape: [2, 16], data: new Uint8Array(128) }),
      ],
    });
    expect(checked.rows).toBe(2);
    expect(checked.outputs.map(({ name }) => name)).toEqual(['OUTPUT0', 'OUTPUT1']);
    expect(checked.inputs[0]).toMatchObject({ kind: 'tensor', tensor: { name: 'INPUT0', shape: [2, 16] } });
  });

  it('inputs in the order of the configuration', () => {
    const checked = check({ inputs: [in1(), in0()] });
    expect(checked.inputs).toMatchObject([{ tensor: { name: 'INPUT0' } }, { tensor: { name: 'INPUT1' } }]);
  });

  it('requested outputs in the order of the backend', () => {
    const outputs = [
      { name: 'OUTPUT1', classification: 0 },
      { name: 'OUTPUT0', classification: 2 },
    ];
    expect(check({ outputs }).outputs).toEqual([outputs[1], outputs[0]]);
  });

  it('shapes without elements where the model allows them', () => {
    const checked = check(
      { inputs: [in0({ datatype: 'FP32', shape: [0, 1, 2], data: new Uint8Array(0) })] },
      withoutBatch,
    );
    expect(checked.rows).toBe(1);
  });

  it('a request without an optional input', () => {
    expect(check({ inputs: [in0()] }, withOptional).inputs).toHaveLength(1);
  });

  it('reshaped dims, variable ones in order', () => {
    const spec = aModelSpec({
      inputs: [anInputSpec({ datatype: 'FP32', dims: [-1, 1, -1], backendDims: [-1, -1] })],
    });
    const checked = check(
      { inputs: [in0({ datatype: 'FP32', shape: [2, 3, 1, 4], data: new Uint8Array(96) })] },
      spec,
    );
    expect(checked.inputs[0]).toMatchObject({ tensor: { shape: [2, 3, 4] } });
  });

  it('as many BYTES elements as one input may have, and refuses one more', () => {
    const wide = aModelSpec({
      maxBatchSize: 0,
      inputs: [anInputSpec({ name: 'INPUT0', datatype: 'BYTES', dims: [-1] })],
    });
    const { bytesElementsMax } = LIMITS;
    const empty = (count: number, shape: number[]) =>
      check({ inputs: [in0({ datatype: 'BYTES', shape, data: new Uint8Array(4 * count) })] }, wide);
    expect(empty(bytesElementsMax, [bytesElementsMax]).rows).toBe(1);
    expect(() => empty(bytesElementsMax + 1, [bytesElementsMax + 1])).toThrow(
      `${P}inference input 'INPUT0' for model 'simple' has more than ${bytesElementsMax} string elements`,
    );
    expect(() => empty(2, [2 ** 40])).toThrow(`${P}expected ${2 ** 40} string elements`);
  });

  it('NUL bytes where the backend keeps them', () => {
    const spec = aModelSpec({ ...bytesSpec, backend: 'identity' });
    expect(
      check({ inputs: [in0({ datatype: 'BYTES', shape: [1, 1], data: bytes('b\0c') })] }, spec).rows,
    ).toBe(1);
  });
});

describe('checkRequest and encoded pictures', () => {
  const image: ImageSpec = {
    height: 2,
    width: 2,
    channels: 3,
    layout: 'NHWC',
    datatype: 'UINT8',
    resize: 'stretch',
    kernel: 'linear',
    color: 'rgb',
    padColor: [0, 0, 0],
    background: [0, 0, 0],
    mean: [0, 0, 0],
    std: [1, 1, 1],
    scale: 1,
    pixelsMax: 100,
    bytesMax: 100,
    framesMax: 1,
  };
  const pictures = aModelSpec({
    inputs: [anInputSpec({ name: 'image', datatype: 'UINT8', dims: [2, 2, 3], image })],
  });
  const picture = (shape: number[], data: Uint8Array) =>
    check({ inputs: [anInput({ name: 'image', datatype: 'BYTES', shape, data })] }, pictures);

  it.each([[[2]], [[2, 1]]])('takes shape %j as rows', (shape) => {
    const checked = picture(shape, bytes('one', 'two'));
    expect(checked.rows).toBe(2);
    expect(checked.inputs[0]).toMatchObject({
      kind: 'pictures',
      pictures: { encoded: [new Uint8Array(Buffer.from('one')), new Uint8Array(Buffer.from('two'))] },
    });
  });

  it.each([
    ['pictures', { height: 2, width: 2 }, LIMITS.decodingPicturesMax],
    ['bytes that they become', { height: 1024, width: 1024 }, LIMITS.requestDecodedBytesMax / (3 * 2 ** 20)],
  ])('bounds the %s of one request before it looks at them', (_, size, limit) => {
    const most = Math.floor(limit);
    const model = aModelSpec({
      maxBatchSize: 0,
      inputs: [
        anInputSpec({
          name: 'image',
          datatype: 'UINT8',
          dims: [-1, size.height, size.width, 3],
          image: { ...image, ...size },
        }),
      ],
    });
    const send = (count: number) =>
      check(
        { inputs: [anInput({ name: 'image', datatype: 'BYTES', shape: [count], data: bytes('one') })] },
        model,
      );
    expect(() => send(most)).toThrow(`${P}expected ${most} string elements`);
    expect(() => send(most + 1)).toThrow(
      `${P}input 'image' for model 'simple' has ${most + 1} encoded pictures, of which one request may hold ${most}`,
    );
  });

  it('still takes the tensor', () => {
    const data = new Uint8Array(12);
    expect(
      check({ inputs: [anInput({ name: 'image', datatype: 'UINT8', shape: [1, 2, 2, 3], data })] }, pictures)
        .inputs[0]?.kind,
    ).toBe('tensor');
  });

  it.each<[string, number[], Uint8Array, string]>([
    [
      'a shape of pixels',
      [1, 2, 2, 3],
      bytes('one'),
      `${P}encoded pictures for input 'image' for model 'simple' need shape [N] or [N,1], got [1,2,2,3]`,
    ],
    [
      'more pictures than the batch takes',
      [9],
      bytes(...Array.from({ length: 9 }, String)),
      `${P}inference request batch-size must be <= 8 for 'simple'`,
    ],
    [
      'fewer pictures than the shape says',
      [2],
      bytes('one'),
      `${P}expected 2 string elements for inference input 'image' for model 'simple', got 1`,
    ],
  ])('refuses %s', (_, shape, data, message) => {
    expect(() => picture(shape, data)).toThrow(message);
  });
});
