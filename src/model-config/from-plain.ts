import type { ModelConfig } from './message.js';
import { errorAt, type FieldPath, formatPath, type Problem } from './problem.js';
import { quote, suggestionOr } from './quote.js';
import { readScalar } from './scalar.js';
import { fieldOf, type MessageField, type MessageType, messageOf, modelConfigType } from './schema.js';

/** A configuration as read, complete with proto3's defaults; what could not be read is left at them. */
export interface ReadConfig {
  readonly config: ModelConfig;
  /** At most {@link PROBLEMS_MAX}. */
  readonly problems: readonly Problem[];
  /** Problems beyond that. */
  readonly omitted: number;
}

/** More than anyone reads; a file of another kind may have one in each line. */
export const PROBLEMS_MAX = 50;

/** Takes a problem; its text is made only when there is room for it. */
type Report = (path: FieldPath, message: () => string) => void;

/**
 * Reads the plain form that JSON and YAML have (proto3's JSON: enums by name or number, 64-bit integers
 * as numbers or strings, null = not given) and reports all that the schema does not know.
 */
export function fromPlain(plain: unknown): ReadConfig {
  const problems: Problem[] = [];
  let omitted = 0;
  const config = readMessage(modelConfigType(), plain, [], (path, message) => {
    if (problems.length < PROBLEMS_MAX) problems.push(errorAt(path, message()));
    else omitted++;
  });
  // The schema and message.ts say the same; a test reads every field through both.
  return { config: config as unknown as ModelConfig, problems, omitted };
}

type Plain = Readonly<Record<string, unknown>>;

function readMessage(type: MessageType, value: unknown, path: FieldPath, report: Report): Plain {
  const given = new Map<MessageField, { readonly value: unknown; readonly path: FieldPath }>();
  if (!isRecord(value)) {
    const [only, ...others] = type.fieldsArray;
    const fields = only !== undefined && others.length === 0 ? `the field ${only.name}` : 'fields';
    report(path, () => `${subject(path)} must hold ${fields}, got ${quote(value)}`);
  } else {
    for (const [name, entry] of Object.entries(value)) {
      const field = fieldOf(type, name);
      if (field === undefined) report([...path, name], () => unknownField(type, name, path));
      else if (entry !== null && entry !== undefined) {
        if (given.has(field)) report([...path, name], () => `${subject(path)} has ${name} twice`);
        given.set(field, { value: entry, path: [...path, field.name] });
      }
    }
  }
  reportClashes(type, [...given.keys()], path, report);
  const entries = type.fieldsArray.flatMap((field): [string, unknown][] => {
    const found = given.get(field);
    if (found !== undefined) return [[field.name, readField(field, found.value, found.path, report)]];
    return isAbsentByDefault(field) ? [] : [[field.name, defaultOf(field)]];
  });
  return Object.fromEntries(entries);
}

function readField(field: MessageField, value: unknown, path: FieldPath, report: Report): unknown {
  const readOne = (item: unknown, itemPath: FieldPath): unknown => {
    const type = messageOf(field);
    if (type !== null) return readMessage(type, item, itemPath, report);
    const scalar = readScalar(field, item);
    if (scalar.ok) return scalar.value;
    report(itemPath, () => `${formatPath(itemPath)}: ${scalar.problem()}`);
    return field.repeated ? undefined : defaultOf(field);
  };
  if (field.map) return readMap(value, path, report, readOne);
  if (!field.repeated) {
    if (!Array.isArray(value)) return readOne(value, path);
    report([...path, 1], () => `${formatPath(path)} takes one value, got ${value.length}`);
    return isAbsentByDefault(field) ? undefined : defaultOf(field);
  }
  // A lone value for a list is what the text format allows as well.
  const items = Array.isArray(value) ? value : [value];
  return items.map((item, index) => readOne(item, [...path, index])).filter((item) => item !== undefined);
}

function readMap(
  value: unknown,
  path: FieldPath,
  report: Report,
  readOne: (item: unknown, path: FieldPath) => unknown,
): unknown {
  if (!isRecord(value)) {
    report(path, () => `${formatPath(path)} must map keys to values, got ${quote(value)}`);
    return {};
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readOne(item, [...path, key])]));
}

function reportClashes(
  type: MessageType,
  given: readonly MessageField[],
  path: FieldPath,
  report: Report,
): void {
  for (const oneof of type.oneofsArray) {
    const members = given.filter((field) => field.partOf === oneof).map(({ name }) => name);
    const last = members.at(-1);
    if (members.length > 1 && last !== undefined) {
      report([...path, last], () => `${subject(path)} may have only one of ${members.join(', ')}`);
    }
  }
}

function unknownField(type: MessageType, name: string, path: FieldPath): string {
  const known = type.fieldsArray.map((field) => field.name);
  const allowed = known.length === 0 ? 'it has none' : `known ones: ${known.join(', ')}`;
  return `unknown field ${quote(name)} in ${subject(path)}${suggestionOr(name, known, allowed)}`;
}

/** Members of a `oneof` and sub-messages tell by their presence that they were given. */
function isAbsentByDefault(field: MessageField): boolean {
  return !field.repeated && !field.map && (field.partOf !== null || messageOf(field) !== null);
}

function defaultOf(field: MessageField): unknown {
  if (field.map) return {};
  if (field.repeated) return [];
  const absent = readScalar(field, undefined);
  return absent.ok ? absent.value : undefined;
}

function isRecord(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function subject(path: FieldPath): string {
  return path.length === 0 ? 'the configuration' : formatPath(path);
}
