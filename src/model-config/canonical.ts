import type { ModelConfig } from './message.js';
import { enumOf, type MessageField, type MessageType, messageOf, modelConfigType } from './schema.js';

/**
 * A configuration as JSON that is equal for equal configurations, whatever their text looked like: names
 * and maps sorted, fields at their default left out. Lists keep their order, and messages and members of a
 * `oneof` that are given stay, since their presence has a meaning. For fingerprints, not for reading back.
 */
export function canonicalConfig(config: ModelConfig): string {
  return JSON.stringify(canonicalMessage(modelConfigType(), { ...config }));
}

type Plain = Readonly<Record<string, unknown>>;

function canonicalMessage(type: MessageType, message: Plain): Plain {
  const fields = type.fieldsArray.flatMap((field): [string, unknown][] => {
    const value = message[field.name];
    return value === undefined || value === null || isDefault(field, value)
      ? []
      : [[field.name, canonicalField(field, value)]];
  });
  return sorted(fields);
}

function canonicalField(field: MessageField, value: unknown): unknown {
  const type = messageOf(field);
  const one = (item: unknown): unknown =>
    type !== null && isPlain(item) ? canonicalMessage(type, item) : canonicalScalar(field, item);
  if (field.map)
    return sorted(Object.entries(isPlain(value) ? value : {}).map(([key, item]) => [key, one(item)]));
  return Array.isArray(value) ? value.map(one) : one(value);
}

/** JSON has neither NaN nor Infinity, and the text of a number may say more than its type can hold. */
function canonicalScalar({ type }: MessageField, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  const number = type === 'float' ? Math.fround(value) : value;
  return Number.isFinite(number) ? number : String(number);
}

function isDefault(field: MessageField, value: unknown): boolean {
  if (field.map) return isPlain(value) && Object.keys(value).length === 0;
  if (field.repeated) return Array.isArray(value) && value.length === 0;
  if (field.partOf !== null || messageOf(field) !== null) return false;
  const values = enumOf(field);
  return values === null ? value === 0 || value === '' || value === false : values[String(value)] === 0;
}

function sorted(entries: readonly (readonly [string, unknown])[]): Plain {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
