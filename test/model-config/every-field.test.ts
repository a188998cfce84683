import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '#naiad/model-config/message.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { camelCase, messageOf, modelConfigType } from '#naiad/model-config/schema.js';

/** Text and JSON of the same value. */
interface Sample {
  readonly text: string;
  readonly json: unknown;
}

interface Case {
  /** Names on the way to the field. */
  readonly path: string;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

const SCALARS: Readonly<Record<string, Sample>> = {
  string: { text: '"some text"', json: 'some text' },
  bool: { text: 'true', json: true },
  int32: { text: '-7', json: -7 },
  uint32: { text: '7', json: 7 },
  int64: { text: '1099511627776', json: '1099511627776' },
  uint64: { text: '1099511627776', json: 1099511627776 },
  float: { text: '0.5', json: 0.5 },
  double: { text: '2.5e-1', json: 0.25 },
};

/** One case for each field, and one for each value of an enum field, however deep. */
function casesOf(type: protobuf.Type, path: readonly string[]): Case[] {
  return type.fieldsArray.flatMap((field) => {
    const way = [...path, field.name];
    const inner = messageOf(field);
    const samples = inner === null ? scalarSamples(field) : messageSamples(inner, way);
    return samples.map(({ suffix, text, json }) => ({
      path: `${way.join('.')}${suffix}`,
      ...wrap(field, text, json),
    }));
  });
}

interface Wrapped extends Sample {
  readonly suffix: string;
}

function scalarSamples(field: protobuf.Field): Wrapped[] {
  const resolved = field.resolvedType;
  if (resolved instanceof protobuf.Enum) {
    return Object.keys(resolved.values).map((name) => ({ suffix: `=${name}`, text: name, json: name }));
  }
  const sample = SCALARS[field.type];
  if (sample === undefined) throw new Error(`no sample for ${field.type}`);
  return [{ suffix: '', ...sample }];
}

function messageSamples(type: protobuf.Type, way: readonly string[]): Wrapped[] {
  const inner = casesOf(type, way).map(({ path, text, json }) => ({
    suffix: path.slice(way.join('.').length),
    text: `{ ${text} }`,
    json,
  }));
  return [{ suffix: ' (empty)', text: '{ }', json: {} }, ...inner];
}

function wrap(field: protobuf.Field, text: string, json: unknown): Omit<Case, 'path'> {
  const name = field.name;
  if (field instanceof protobuf.MapField) {
    const key = field.keyType === 'string' ? '"a.key"' : '3';
    return {
      text: `${name} { key: ${key} value: ${text} }`,
      json: { [name]: { [key.replaceAll('"', '')]: json } },
    };
  }
  return { text: `${name}: ${text}`, json: { [name]: field.repeated ? [json] : json } };
}

function toCamelCase(value: unknown, type: protobuf.Type): unknown {
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([name, inner]) => {
      const field = type.fields[name];
      const message = field === undefined ? null : messageOf(field);
      const convert = (item: unknown): unknown => (message === null ? item : toCamelCase(item, message));
      if (field instanceof protobuf.MapField) {
        const entries = Object.entries(inner as object).map(([key, item]) => [key, convert(item)]);
        return [camelCase(name), Object.fromEntries(entries)];
      }
      return [camelCase(name), Array.isArray(inner) ? inner.map(convert) : convert(inner)];
    }),
  );
}

const CASES = casesOf(modelConfigType(), []);

function read(kind: 'pbtxt' | 'json' | 'yaml', text: string): ModelConfig {
  const { config, findings } = parseConfig(kind, text, 'config');
  expect(findings).toEqual([]);
  return config;
}

describe('every field of model_config.proto', () => {
  it('is covered', () => {
    expect(CASES.length).toBeGreaterThan(200);
  });

  it.each(CASES)('$path reads the same from text, JSON and YAML', ({ text, json }) => {
    const fromText = read('pbtxt', text);
    expect(read('json', JSON.stringify(json))).toEqual(fromText);
    expect(read('json', JSON.stringify(toCamelCase(json, modelConfigType())))).toEqual(fromText);
    expect(read('yaml', JSON.stringify(json, null, 2))).toEqual(fromText);
  });

  it.each(CASES)('$path survives the way to a client and back', ({ text }) => {
    const type = modelConfigType();
    const config = read('pbtxt', text);
    const bytes = type.encode(type.fromObject(config)).finish();
    const object = type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true });
    const again = parseConfig('json', JSON.stringify(withoutNull(object)), 'config').config;
    expect(again).toEqual(config);
  });

  it.each(CASES.filter(({ path }) => !path.includes('(empty)') && !/=\w*(INVALID|NONE|_0)?$/.test(path)))(
    '$path is not lost',
    ({ text, json }) => {
      expect(JSON.stringify(read('pbtxt', text))).toContain(leafOf(json));
    },
  );
});

/** protobufjs writes absent messages as null. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNull(inner)]),
  );
}

/** The innermost `"name":value` of a sample, as it stands in JSON. */
function leafOf(json: unknown): string {
  let text = '';
  JSON.stringify(json, (key, value: unknown) => {
    if (typeof value !== 'object') {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
      text = /^\d+$/.test(key) ? JSON.stringify(number) : `${JSON.stringify(key)}:${JSON.stringify(number)}`;
    }
    return value;
  });
  return text;
}
