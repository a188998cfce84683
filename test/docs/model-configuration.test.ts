import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_MAX_BATCH_SIZE } from '#naiad/model-config/auto-complete.js';
import { formatFinding } from '#naiad/model-config/findings.js';
import { readImages } from '#naiad/model-config/image-parameters.js';
import { IMAGE_SETTINGS } from '#naiad/model-config/image-settings.js';
import { normalise } from '#naiad/model-config/normalise.js';
import { OWN_PARAMETERS } from '#naiad/model-config/own-parameters.js';
import type { ParameterRule } from '#naiad/model-config/parameter-rule.js';
import { checkParameters, KNOWN_PARAMETERS } from '#naiad/model-config/parameters.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { messageOf, modelConfigType } from '#naiad/model-config/schema.js';
import { findUnsupported } from '#naiad/model-config/unsupported.js';
import { validateConfig } from '#naiad/model-config/validate.js';
import { validateTensors } from '#naiad/model-config/validate-io.js';
import { validateWarmUp } from '#naiad/model-config/validate-warm-up.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { codeBlocks, codeOf, grouped, readDoc, section, tableRows } from './markdown.js';

const text = readDoc('docs/model-configuration.md');
const ON_CPU = { gpuAvailable: false, instanceCount: () => 1 };

describe('the example configurations', () => {
  const files = section(text, 'Configuration files');
  const parse = (kind: 'pbtxt' | 'json' | 'yaml', language: string) =>
    parseConfig(kind, codeBlocks(files, language)[0] ?? '?', 'config');
  const fromText = parse('pbtxt', '');

  it('say the same in all forms', () => {
    expect(fromText.findings).toEqual([]);
    expect(parse('json', 'json')).toMatchObject({ findings: [], config: fromText.config });
    expect(parse('yaml', 'yaml')).toMatchObject({ findings: [], config: fromText.config });
  });

  it('are right', () => {
    const config = normalise(fromText.config, ON_CPU);
    expect([
      ...findUnsupported(config),
      ...validateConfig(config),
      ...validateTensors(config, false),
      ...checkParameters(config),
      ...readImages(config).problems,
    ]).toEqual([]);
    expect([...readImages(config).images.keys()]).toEqual(['image']);
  });
});

/** Messages whose fields have rows of their own. */
const OPENED = ['version_policy', 'input', 'output', 'optimization', 'dynamic_batching', 'instance_group'];

/** Samples where one made from the type alone would not show the verdict. */
const SAMPLES: Readonly<Record<string, string>> = {
  'instance_group.kind': 'instance_group { kind: KIND_CPU }',
  'optimization.execution_accelerators':
    'optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }',
};

const VERDICTS = { error: 'refused', warning: 'warning' } as const;

describe('every field', () => {
  const rows = tableRows(section(text, 'Every field'));

  it('of ModelConfig has a row', () => {
    const type = modelConfigType();
    const names = type.fieldsArray.flatMap((field) => {
      const inner = OPENED.includes(field.name) ? messageOf(field) : null;
      return [field.name, ...(inner?.fieldsArray ?? []).map(({ name }) => `${field.name}.${name}`)];
    });
    expect(rows.map(([name]) => codeOf(name)).toSorted()).toEqual(names.toSorted());
  });

  it.each(rows)('%s: %s', (cell, verdict) => {
    const name = codeOf(cell) ?? '';
    const sample = SAMPLES[name] ?? sampleOf(modelConfigType(), name.split('.'));
    const severities = problemsOf(sample);
    const expected = severities.includes('error') ? 'error' : severities[0];
    if (expected === undefined) expect(['used', 'no effect']).toContain(verdict);
    else expect(verdict).toBe(VERDICTS[expected]);
  });

  it('of the two kinds that are no CPU is as the table says', () => {
    const [, , meaning = ''] = rows.find(([name]) => name === '`instance_group.kind`') ?? [];
    expect(meaning).toContain('`KIND_MODEL` is the CPU, with a warning. `KIND_GPU` is refused');
    expect(problemsOf('instance_group { kind: KIND_MODEL }')).toEqual(['warning']);
    expect(problemsOf('instance_group { kind: KIND_GPU }')).toEqual(['error']);
  });

  it('of a queue policy has a row', () => {
    const type = modelConfigType().lookupType('ModelQueuePolicy');
    const names = tableRows(section(text, 'Queue policies')).map(([name]) => codeOf(name));
    expect(names.toSorted()).toEqual(Object.keys(type.fields).toSorted());
  });
});

function problemsOf(sample: string): ('error' | 'warning')[] {
  const { config, findings } = parseConfig('pbtxt', sample, 'config.pbtxt');
  expect(findings).toEqual([]);
  const groups = validateTensors(normalise(config, ON_CPU), false).filter(
    ({ path }) => path[0] === 'instance_group',
  );
  return [...findUnsupported(config), ...groups].map(({ severity }) => severity);
}

/** A configuration in text form that sets the field at the end of `way`, to something. */
function sampleOf(type: protobuf.Type, way: readonly string[]): string {
  const [name = '', ...rest] = way;
  const field = type.fields[name];
  if (field === undefined) throw new Error(`no field '${name}' in ${type.name}`);
  const value = valueSample(field, rest);
  return field instanceof protobuf.MapField
    ? `${name} { key: ${field.keyType === 'string' ? '"a"' : '1'} value: ${value} }`
    : `${name}: ${value}`;
}

function valueSample(field: protobuf.Field, rest: readonly string[]): string {
  const inner = messageOf(field);
  if (inner !== null) {
    const [first] = inner.fieldsArray;
    const way = rest.length > 0 ? rest : first === undefined ? [] : [first.name];
    return way.length === 0 ? '{ }' : `{ ${sampleOf(inner, way)} }`;
  }
  if (field.resolvedType instanceof protobuf.Enum)
    return Object.keys(field.resolvedType.values).at(-1) ?? '0';
  if (field.type === 'string') return '"a"';
  return field.type === 'bool' ? 'true' : '1';
}

describe('parameters', () => {
  it.each(Object.keys(KNOWN_PARAMETERS))('of %s are those that are known', (backend) => {
    const rows = tableRows(section(text, backend)).filter(([key]) => !key?.includes('*'));
    const known = KNOWN_PARAMETERS[backend] ?? {};
    expect(rows.map(([key]) => codeOf(key)).toSorted()).toEqual(Object.keys(known).toSorted());
    for (const [key, values, , meaning] of rows) {
      const rule = known[codeOf(key) ?? ''];
      expect(values, key).toBe(rule === undefined ? undefined : valuesOf(rule));
      expect(meaning === 'no effect, warning', key).toBe(rule?.kind === 'ignored');
    }
  });

  it('of the server itself are those that are known', () => {
    const rows = tableRows(section(text, 'warmup.* and reload.*'));
    expect(rows.map(([key]) => codeOf(key)).toSorted()).toEqual(Object.keys(OWN_PARAMETERS).toSorted());
    for (const [key, values] of rows) {
      const rule = OWN_PARAMETERS[codeOf(key) ?? ''];
      expect(values, key).toBe(rule === undefined ? undefined : valuesOf(rule));
    }
  });

  it('of pictures are those that are known', () => {
    const named = [...section(text, 'image.*').matchAll(/`image\.(\w+)`/g)].map((match) => match[1]);
    expect(named.toSorted()).toEqual(IMAGE_SETTINGS.toSorted());
  });
});

function valuesOf(rule: ParameterRule): string {
  const quoted = (choices: readonly string[]): string => choices.map((choice) => `\`${choice}\``).join(', ');
  switch (rule.kind) {
    case 'count':
      return `0 to ${rule.max}`;
    case 'flag':
      return quoted(['0', '1', 'false', 'true']);
    case 'choice':
      return quoted(rule.choices);
    case 'ignored':
      return '';
  }
}

describe('warm-up', () => {
  const warmUp = section(text, 'Warm-up');
  const [samples = '', auto = ''] = codeBlocks(warmUp, '');

  it.each([
    ['samples', samples],
    ['an automatic one', `${samples} ${auto}`.replace('[ -1 ]', '[ 2 ]')],
    ['a policy', codeBlocks(section(text, 'warmup.* and reload.*'), '')[0] ?? '?'],
  ])('with %s is right as it is shown', (_, example) => {
    const { config, findings } = parseConfig('pbtxt', example, 'config.pbtxt');
    expect(findings).toEqual([]);
    expect([...checkParameters(config), ...validateWarmUp(config)]).toEqual([]);
  });

  it('has a row for every field', () => {
    const type = modelConfigType().lookupType('ModelWarmup');
    const fields = [...Object.keys(type.fields), ...Object.keys(type.lookupType('Input').fields)];
    const named = tableRows(warmUp).flatMap(([cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(named.toSorted()).toEqual(fields.toSorted());
  });

  it('has the numbers of the code', () => {
    expect(warmUp).toContain(`at most ${grouped(LIMITS.warmUpRunsMax)}`);
    expect(warmUp).toContain(`may take ${LIMITS.warmUpBytesMax / 2 ** 30} GiB`);
    expect(warmUp).toContain(`at most ${LIMITS.warmUpSizesMax} sizes`);
  });
});

it('the mistakes that are shown are found so', () => {
  const [config = '', shown = ''] = codeBlocks(section(text, 'Mistakes'), '');
  const found = parseConfig('pbtxt', config, 'config.pbtxt').findings.map(formatFinding);
  const lines = shown.trim().split('\n');
  expect(found.length).toBe(lines.length);
  lines.forEach((line, index) => {
    const [start = ''] = line.split('…');
    expect(found[index]?.startsWith(start) ? start : found[index]).toBe(start);
  });
});

it('numbers are those of the code', () => {
  expect(section(text, 'Bounds')).toContain(`${grouped(LIMITS.queueRowsMax)} rows`);
  expect(section(text, 'Bounds')).toContain(`${LIMITS.queueBytesMax / 2 ** 30} GiB`);
  expect(section(text, 'Repository')).toContain(`${LIMITS.configBytesMax / 2 ** 20} MiB`);
  expect(section(text, 'Instances and threads')).toContain(`${LIMITS.cpuLanesPerCore} lanes per processor`);
  expect(section(text, 'What is filled in')).toContain(`\`max_batch_size\`: ${DEFAULT_MAX_BATCH_SIZE},`);
});
