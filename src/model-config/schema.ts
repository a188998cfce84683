import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** A message of model_config.proto as protobufjs reflects it, field names as in the file. */
export type MessageType = protobuf.Type;
export type MessageField = protobuf.Field;

const PROTO_FILE = new URL('../../proto/model_config.proto', import.meta.url);
let modelConfig: MessageType | undefined;

/** `inference.ModelConfig`; the .proto file is read at the first call. */
export function modelConfigType(): MessageType {
  modelConfig ??= protobuf
    .parse(readFileSync(PROTO_FILE, 'utf8'), new protobuf.Root(), { keepCase: true })
    .root.resolveAll()
    .lookupType('inference.ModelConfig');
  return modelConfig;
}

const fieldsByName = new WeakMap<MessageType, ReadonlyMap<string, MessageField>>();

/** The field that a configuration calls `name`; JSON and YAML may use its lowerCamelCase form. */
export function fieldOf(type: MessageType, name: string): MessageField | undefined {
  let fields = fieldsByName.get(type);
  if (fields === undefined) {
    const names = type.fieldsArray.flatMap((field): [string, MessageField][] => [
      [camelCase(field.name), field],
      [field.name, field],
    ]);
    fields = new Map(names);
    fieldsByName.set(type, fields);
  }
  return fields.get(name);
}

/** Proto3's JSON name of a field. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The message type of a field or of a map's values, null for scalars and enums. */
export function messageOf(field: MessageField): MessageType | null {
  const resolved = field.resolve().resolvedType;
  return resolved instanceof protobuf.Type ? resolved : null;
}

/** Value names and numbers of an enum field, null for all others. */
export function enumOf(field: MessageField): Readonly<Record<string, number>> | null {
  const resolved = field.resolve().resolvedType;
  return resolved instanceof protobuf.Enum ? resolved.values : null;
}

/** The enum's or message's name without its package. */
export function typeNameOf(field: MessageField): string {
  return field.resolve().resolvedType?.name ?? field.type;
}
