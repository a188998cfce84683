import { describe, expect, it } from 'vitest';
import { formatFinding } from '#naiad/model-config/findings.js';
import { type ConfigKind, parseConfig } from '#naiad/model-config/parse.js';

function findings(kind: ConfigKind, text: string): string[] {
  return parseConfig(kind, text, `config.${kind}`).findings.map(formatFinding);
}

describe('text format', () => {
  it('takes every form that protobuf allows', () => {
    const { config, findings: found } = parseConfig(
      'pbtxt',
      `# a comment
name: "full"  platform: 'onnxruntime_onnx' ,
max_batch_size: 0x4;
version_policy { latest: < num_versions: 1 > }
input { name: 'INPUT0', data_type: 11, dims: 16, format: FORMAT_NONE }
input [{ name: "INP" 'UT1' data_type: TYPE_FP32 dims: [- 1, 020] }]
parameters: { key: "note", value: { string_value: "\\x41\\102\\n#{" } }
`,
      'config.pbtxt',
    );
    expect(found).toEqual([]);
    expect(config).toMatchObject({
      name: 'full',
      platform: 'onnxruntime_onnx',
      max_batch_size: 4,
      version_policy: { latest: { num_versions: 1 } },
      input: [
        { name: 'INPUT0', data_type: 'TYPE_FP32', dims: [16] },
        { name: 'INPUT1', data_type: 'TYPE_FP32', dims: [-1, 16] },
      ],
      parameters: { note: { string_value: 'AB\n#{' } },
    });
  });

  it('tells all unknown names and wrong values at once, each with its line', () => {
    const text = `name: "x"
nam: 3
input [
  { name: "a" dtype: 3 data_type: TYPE_FP33 dims: [1, 0x10, -1] },
  { name: "b"
    optional: maybe
    dims: [ 1.5 ] }
]
max_batch_size: 4
max_batch_size: 5
parameters { key: "image.mean" value { string_valu: "x" } }
`;
    const found = findings('pbtxt', text).map((line) => line.replace(/; known ones:.*/, ''));
    expect(found.sort()).toEqual(
      [
        "config.pbtxt:2: unknown field 'nam' in the configuration, did you mean 'name'?",
        "config.pbtxt:4: unknown field 'dtype' in input[0]",
        "config.pbtxt:4: input[0].data_type: unknown DataType 'TYPE_FP33', did you mean 'TYPE_FP32'?",
        "config.pbtxt:6: input[1].optional: expected true or false, got 'maybe'",
        'config.pbtxt:7: input[1].dims[0]: expected an integer from -9007199254740991 to 9007199254740991, got 1.5',
        'config.pbtxt:10: max_batch_size takes one value, got 2',
        `config.pbtxt:11: unknown field 'string_valu' in parameters["image.mean"], did you mean 'string_value'?`,
      ].sort(),
    );
  });

  it('lists what is known', () => {
    expect(findings('pbtxt', 'input { format: NHWC }')).toEqual([
      "config.pbtxt:1: input[0].format: unknown Format 'NHWC'; known ones: FORMAT_NONE, FORMAT_NHWC, FORMAT_NCHW",
    ]);
    expect(findings('pbtxt', 'version_policy { all { x: 1 } }')).toEqual([
      "config.pbtxt:1: unknown field 'x' in version_policy.all; it has none",
    ]);
  });

  it.each([
    ['name: "x', 'config.pbtxt:1: failed to read text proto: unterminated string'],
    ['\n\nname: x', 'config.pbtxt:3: failed to read text proto: expected string'],
    ['input [\n{ name: "x" }', "config.pbtxt:2: failed to read text proto: expected ']'"],
    ['name: "x" { oops', "config.pbtxt:1: failed to read text proto: illegal field name '{'"],
    ['input { name: "a" }}', "config.pbtxt:1: failed to read text proto: illegal field name '}'"],
    [
      'dynamic_batching {}\nsequence_batching {}',
      'config.pbtxt:2: the configuration may have only one of dynamic_batching, sequence_batching',
    ],
    [
      'max_batch_size: 99999999999',
      'config.pbtxt:1: max_batch_size: expected an integer from -2147483648 to 2147483647, got 99999999999',
    ],
  ])('refuses %j', (text, message) => {
    expect(findings('pbtxt', text)).toEqual([message]);
  });

  it('locates fields for later findings', () => {
    const { locate } = parseConfig(
      'pbtxt',
      `name: "m"
input [
  {
    name: "A"
    dims: [ 1,
      2 ]
  },
  { name: "B" }
]
input {
  name: "C" # { dims
}
parameters {
  key: "a.b"
  value {
    string_value: "1"
  }
}
`,
      'config.pbtxt',
    );
    expect(locate(['name'])).toBe(1);
    expect(locate(['input', 0, 'name'])).toBe(4);
    expect(locate(['input', 0, 'dims', 1])).toBe(6);
    expect(locate(['input', 1, 'name'])).toBe(8);
    expect(locate(['input', 2, 'name'])).toBe(11);
    expect(locate(['parameters', 'a.b', 'string_value'])).toBe(16);
    // What is not there is near what would hold it.
    expect(locate(['input', 2, 'dims'])).toBe(10);
    expect(locate(['optimization', 'graph'])).toBe(0);
  });
});

describe('JSON', () => {
  it('takes names of enums in any letter case', () => {
    const { config, findings: found } = parseConfig(
      'json',
      '{"input":[{"name":"A","data_type":"type_fp32"}],"instance_group":[{"kind":"Kind_Cpu"}]}',
      'config.json',
    );
    expect(found).toEqual([]);
    expect(config).toMatchObject({
      input: [{ data_type: 'TYPE_FP32' }],
      instance_group: [{ kind: 'KIND_CPU' }],
    });
  });

  it('takes the forms of proto3 JSON', () => {
    const { config, findings: found } = parseConfig(
      'json',
      '{"name":"m","maxBatchSize":"16","platform":null,"input":[{"name":"X","data_type":11,"dims":["1",-1]}]}',
      'config.json',
    );
    expect(found).toEqual([]);
    expect(config.max_batch_size).toBe(16);
    expect(config.platform).toBe('');
    expect(config.input).toMatchObject([{ data_type: 'TYPE_FP32', dims: [1, -1] }]);
  });

  it.each([
    ['', 'config.json:1: failed to read JSON: Unexpected end of JSON input'],
    ['[]', 'config.json: the configuration must hold fields, got a list'],
    ['{"input": {"name": 4}}', 'config.json:1: input[0].name: expected a string in quotes, got 4'],
    ['{\n"name": ["a", "b"]}', 'config.json:2: name takes one value, got 2'],
    ['{"parameters":\n[1]}', 'config.json:1: parameters must map keys to values, got a list'],
    ['{"max_batch_size": 4,\n"maxBatchSize": 5}', 'config.json:2: the configuration has maxBatchSize twice'],
    ['{"optimization": {"graph":\n7}}', 'config.json:1: optimization.graph must hold the field level, got 7'],
    ['{"parameters": {"a": "b"}}', "config.json:1: parameters.a must hold the field string_value, got 'b'"],
  ])('refuses %j', (text, message) => {
    expect(findings('json', text)).toEqual([message]);
  });

  it.each([
    ['{\n"name": "x",\n}', 3],
    ['{\n"name": x,\n"platform": "y"\n}', 2],
    ['{"name":\ntrue\n"platform": 1}', 3],
    ['{\n"input": [\n{"dims": [1, 2,]}\n]}\n', 3],
    ['# no comment\n{}', 1],
    ['{}\n\n}', 3],
    ['{"name":\n"x\ny"}', 2],
    ['{\n"name": "x"\n\n', 2],
  ])('points at the line where %j breaks', (text, line) => {
    const [found, ...others] = parseConfig('json', text, 'c').findings;
    expect(others).toEqual([]);
    expect(found?.line).toBe(line);
    expect(found?.message).toMatch(/^failed to read JSON: [^"\n]+$/);
  });
});

describe('YAML', () => {
  it('reads fields under their own names', () => {
    const {
      config,
      findings: found,
      locate,
    } = parseConfig(
      'yaml',
      `# a comment
name: m
input:
  - name: X
    data_type: TYPE_FP32
    dims: [1, -1]
parameters:
  a.b: { string_value: '8' }
`,
      'config.yaml',
    );
    expect(found).toEqual([]);
    expect(config).toMatchObject({ name: 'm', input: [{ dims: [1, -1] }] });
    expect(config.parameters).toEqual({ 'a.b': { string_value: '8' } });
    expect(locate(['input', 0, 'dims'])).toBe(6);
    expect(locate(['parameters', 'a.b', 'string_value'])).toBe(8);
    expect(locate(['input', 0, 'reshape'])).toBe(4);
  });

  it('reads an empty file as nothing given', () => {
    expect(findings('yaml', '# nothing\n')).toEqual([]);
  });

  it.each([
    ['a: 1\na: 2', 'config.yaml:2: failed to read YAML: Map keys must be unique'],
    ['name: m\n\tplatform: x', 'config.yaml:2: failed to read YAML: Tabs are not allowed as indentation'],
    [
      'parameters:\n  a: {string_value: 8}',
      'config.yaml:2: parameters.a.string_value: expected a string in quotes, got 8',
    ],
    ['name: m\n---\nname: n', 'config.yaml:2: failed to read YAML: it holds several documents'],
    ['input: &a [*a]', 'config.yaml:1: input[0] must hold fields, got a list'],
  ])('refuses %j', (text, message) => {
    expect(findings('yaml', text)).toEqual([message]);
  });
});

/** Each of these once ended the process or took minutes. */
describe('hostile texts', () => {
  const bomb = [...'bcdefghij']
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[index]}`)}]`)
    .join('\n');
  it.each<[string, ConfigKind, string]>([
    ['nested text', 'pbtxt', 'input{'.repeat(50_000)],
    ['nested lists', 'pbtxt', '['.repeat(50_000)],
    ['many unknown fields', 'pbtxt', Array.from({ length: 5_000 }, (_, index) => `f${index}: 1`).join('\n')],
    ['nested JSON', 'json', `{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['nested JSON in a scalar', 'json', `{"name":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`],
    ['a long name', 'json', `{"${'x'.repeat(100_000)}":1}`],
    ['nested YAML', 'yaml', '- '.repeat(50_000)],
    ['nested flow YAML', 'yaml', 'x: '.concat('['.repeat(50_000))],
    ['a bomb of aliases', 'yaml', `a: &a [x,x,x,x,x,x,x,x,x]\n${bomb}`],
    [
      'a long number that is none',
      'json',
      `{"sequence_batching":{"direct":{"minimum_slot_utilization":"${'1'.repeat(100_000)}x"}}}`,
    ],
    ['a long string that does not end', 'pbtxt', `name: "${'\\"'.repeat(150_000)}`],
    ['a prototype', 'json', '{"__proto__": {"name": "x"}}'],
  ])('refuses %s in few words', (_, kind, text) => {
    const found = findings(kind, text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(51);
    expect(Math.max(...found.map((line) => line.length))).toBeLessThan(1000);
  });

  it('tells no lines of JSON that is as large as no configuration', () => {
    const behind = (lines: number): string | undefined =>
      findings('json', `${'\n'.repeat(lines)}{"nope": 1}`)[0];
    expect(behind(1000)).toMatch(/^config\.json:1001: /);
    expect(behind(1 << 18)).toMatch(/^config\.json: /);
  });

  it('reads long lists', () => {
    // More than the arguments that a call may have.
    const dims = Array.from({ length: 150_000 }, () => '1').join(',');
    const { findings: found, locate } = parseConfig('pbtxt', `input { dims: [${dims}] }`, 'c');
    expect(found).toEqual([]);
    expect(locate(['input', 0, 'dims', 149_999])).toBe(1);
  });

  it('keeps odd map keys as keys', () => {
    const { config } = parseConfig('json', '{"parameters":{"__proto__":{"string_value":"1"}}}', 'c');
    expect(Object.keys(config.parameters)).toEqual(['__proto__']);
    const text = parseConfig('pbtxt', 'parameters{key:"__proto__" value{string_value:"1"}}', 'c');
    expect(Object.keys(text.config.parameters)).toEqual(['__proto__']);
  });
});
