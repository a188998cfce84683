import {
  type Attribute,
  ELEMENT_TYPE_CODE,
  elementTypeOf,
  type Initializer,
  type Model,
  type Node,
  type ValueInfo,
} from './model.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** IR 8 and opset 17 are old enough for every ONNX Runtime of the last years and hold all operators used here. */
const IR_VERSION = 8;
const OPSET_VERSION = 17;
const PRODUCER = 'naiad-model-import';

/** Numbers of `AttributeProto.AttributeType`. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

/** Gives the bytes of a `.onnx` file. Field numbers are those of onnx.proto; nothing that changes from run to run is written. */
export function encodeModel(model: Model): Uint8Array {
  return new ProtobufWriter()
    .int(1, IR_VERSION)
    .string(2, PRODUCER)
    .message(7, graph(model))
    .message(8, new ProtobufWriter().string(1, '').int(2, OPSET_VERSION))
    .finish();
}

function graph(model: Model): ProtobufWriter {
  const out = new ProtobufWriter();
  model.nodes.forEach((item, index) => {
    out.message(1, node(item, `${item.type}_${index}`));
  });
  out.string(2, model.name);
  for (const item of model.initializers) out.message(5, tensor(item));
  out.string(10, model.description);
  for (const item of model.inputs) out.message(11, valueInfo(item));
  for (const item of model.outputs) out.message(12, valueInfo(item));
  return out;
}

function node(item: Node, name: string): ProtobufWriter {
  const out = new ProtobufWriter();
  for (const input of item.inputs) out.string(1, input);
  for (const output of item.outputs) out.string(2, output);
  out.string(3, name).string(4, item.type);
  for (const [key, value] of Object.entries(item.attributes)) out.message(5, attribute(key, value));
  return out;
}

function attribute(name: string, value: Attribute): ProtobufWriter {
  const out = new ProtobufWriter().string(1, name);
  if (typeof value === 'number') return out.int(3, value).int(20, ATTRIBUTE_INT);
  if (typeof value === 'string') return out.string(4, value).int(20, ATTRIBUTE_STRING);
  if ('float' in value) return out.float(2, value.float).int(20, ATTRIBUTE_FLOAT);
  for (const item of value) out.int(8, item);
  return out.int(20, ATTRIBUTE_INTS);
}

function tensor(item: Initializer): ProtobufWriter {
  const out = new ProtobufWriter();
  for (const size of item.shape) out.int(1, size);
  const { buffer, byteOffset, byteLength } = item.data;
  return out
    .int(2, ELEMENT_TYPE_CODE[elementTypeOf(item.data)])
    .string(8, item.name)
    .bytes(9, new Uint8Array(buffer, byteOffset, byteLength));
}

function valueInfo(item: ValueInfo): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const size of item.shape) {
    const dimension = new ProtobufWriter();
    shape.message(1, typeof size === 'number' ? dimension.int(1, size) : dimension.string(2, size));
  }
  const tensorType = new ProtobufWriter().int(1, ELEMENT_TYPE_CODE[item.type]).message(2, shape);
  return new ProtobufWriter().string(1, item.name).message(2, new ProtobufWriter().message(1, tensorType));
}
