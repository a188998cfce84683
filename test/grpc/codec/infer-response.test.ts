import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInferResponse } from '#naiad/grpc/codec/infer-response.js';
import { NO_PARAMETERS } from '#naiad/inference/request.js';
import type { InferResponse } from '#naiad/inference/response.js';
import { InvariantError } from '#naiad/lib/invariant.js';
import { DATATYPES } from '#naiad/tensor/datatype.js';
import { decodeResponse } from '../../support/infer-protos.js';

function aResponse(overrides: Partial<InferResponse> = {}): InferResponse {
  return { modelName: 'm', modelVersion: '1', id: '', parameters: NO_PARAMETERS, outputs: [], ...overrides };
}

const aText = fc.string({ unit: 'binary', maxLength: 50 });

/** A parameter and how protobufjs shows it. */
const aParameter = fc.oneof(
  fc.boolean().map((value) => ({ value, shown: { bool_param: value } })),
  aText.map((value) => ({ value, shown: { string_param: value } })),
  fc.double({ noNaN: true }).map((value) => ({ value, shown: { double_param: value } })),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value) => ({ value, shown: { int64_param: String(value) } })),
  fc
    .bigInt({ min: 2n ** 63n, max: 2n ** 64n - 1n })
    .map((value) => ({ value, shown: { uint64_param: String(value) } })),
);

const anOutput = fc.record({
  name: aText,
  datatype: fc.constantFrom(...DATATYPES),
  shape: fc.array(fc.nat({ max: 2 ** 40 }), { maxLength: 6 }),
  data: fc.uint8Array({ maxLength: 300 }),
});

/** A message of protobufjs without the fields that are at their default. */
function withoutDefaults(message: object): object {
  return Object.fromEntries(
    Object.entries(message).filter(
      ([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

describe('encodeInferResponse', () => {
  it('writes what protobufjs reads', () => {
    fc.assert(
      fc.property(
        aText,
        aText,
        aText,
        fc.array(anOutput, { maxLength: 4 }),
        fc.dictionary(aText, aParameter, { noNullPrototype: true }),
        (modelName, modelVersion, id, outputs, sent) => {
          const entries = Object.entries(sent);
          const parameters = new Map(entries.map(([key, { value }]) => [key, value]));
          const bytes = encodeInferResponse({ modelName, modelVersion, id, parameters, outputs });
          const shown = Object.fromEntries(entries.map(([key, parameter]) => [key, parameter.shown]));
          expect(decodeResponse(bytes)).toEqual(
            withoutDefaults({
              model_name: modelName,
              model_version: modelVersion,
              id,
              ...(entries.length > 0 && { parameters: shown }),
              outputs: outputs.map(({ name, datatype, shape }) =>
                withoutDefaults({ name, datatype, shape: shape.map(String) }),
              ),
              raw_output_contents: outputs.map(({ data }) => Buffer.from(data)),
            }),
          );
        },
      ),
    );
  });

  it('writes parameters that are at their default', () => {
    const parameters = new Map<string, boolean | bigint>([
      ['sequence_id', 0n],
      ['sequence_start', false],
    ]);
    expect(decodeResponse(encodeInferResponse(aResponse({ parameters })))).toMatchObject({
      parameters: { sequence_id: { int64_param: '0' }, sequence_start: { bool_param: false } },
    });
  });

  it('refuses an answer of more than 2 GiB', () => {
    // Two outputs that share their data, so that only their sum is too much.
    const data = new Uint8Array(2 ** 30);
    const output = { name: 'o', datatype: 'UINT8' as const, shape: [2 ** 30], data };
    expect(() => encodeInferResponse(aResponse({ outputs: [output, { ...output, name: 'p' }] }))).toThrow(
      /^Response has byte size 214748\d+ which exceeds gRPC's byte size limit 2147483647\.$/,
    );
  });

  it('takes a shape that is not concrete for a mistake of ours', () => {
    const output = { name: 'o', datatype: 'FP32' as const, shape: [-1], data: new Uint8Array(4) };
    expect(() => encodeInferResponse(aResponse({ outputs: [output] }))).toThrow(InvariantError);
  });
});
