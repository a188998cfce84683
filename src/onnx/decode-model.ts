import { Buffer } from 'node:buffer';
import { totalmem } from 'node:os';
import { WireReader } from '../wire/reader.js';
import { WireError } from '../wire/wire-error.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import { DecodeContext, type DecodeLimits, type ExternalData, once } from './decode-context.js';
import { decodeGraph, decodeNode } from './decode-graph.js';
import { domainOf } from './domain.js';
import { FIELDS } from './fields.js';
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxOpset, OnnxProperty } from './model.js';
import { OnnxError } from './onnx-error.js';
import { RestFields } from './rest-fields.js';

const { varint, bytes } = WireType;

/** A quarter of the heap that V8 allows a thread on a common machine. */
const HEAP_BYTES_MAX = 512 << 20;
/** Labels of classes and the like stand in metadata. */
const METADATA_BYTES_MAX = 64 << 20;

export interface DecodeOptions {
  /** Finds what the model keeps in other files; without it such a model is refused. */
  readonly externalData?: ExternalData;
  /** Default: 512 MiB of objects, data as much as the machine has memory. */
  readonly limits?: Partial<DecodeLimits>;
}

/**
 * Decodes the bytes of an .onnx file. Tensors are views on them wherever the file has them in one piece;
 * `bytes` belong to the model from now on. Throws OnnxError when they are not a model.
 */
export function decodeModel(file: Uint8Array, options: DecodeOptions = {}): OnnxModel {
  const limits = { heapBytesMax: HEAP_BYTES_MAX, dataBytesMax: totalmem(), ...options.limits };
  const context = new DecodeContext(limits, options.externalData ?? null);
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  try {
    return decodeModelProto(new WireReader(buffer), context);
  } catch (error) {
    if (error instanceof WireError) throw new OnnxError(`not an ONNX model: ${whatItIs(buffer, error)}`);
    if (error instanceof RangeError) throw new OnnxError(`too little memory: ${error.message}`);
    throw error;
  }
}

function decodeModelProto(reader: WireReader, context: DecodeContext): OnnxModel {
  const F = FIELDS.model;
  let irVersion: number | null = null;
  let graph: OnnxGraph | null = null;
  const opsets: OnnxOpset[] = [];
  const functions: OnnxFunction[] = [];
  const metadata: OnnxProperty[] = [];
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case tagOf(F.irVersion, varint):
        irVersion = reader.safeInt64('the IR version');
        break;
      case tagOf(F.opset, bytes):
        opsets.push(context.message(reader, decodeOpset));
        break;
      case tagOf(F.graph, bytes):
        graph = once(graph, 'the graph', context.graph(reader, decodeGraph));
        break;
      case tagOf(F.function, bytes):
        functions.push(context.message(reader, decodeFunction));
        break;
      case tagOf(F.metadata, bytes):
        metadata.push(context.message(reader, decodeMetadata));
        break;
      default:
        rest.keep(start, tag);
    }
  }
  if (graph === null) throw new OnnxError('not an ONNX model: it has no graph');
  if (irVersion === null) throw new OnnxError('not an ONNX model: it has no IR version');
  return { irVersion, opsets, graph, functions, metadata, rest: rest.finish() };
}

function decodeOpset(reader: WireReader, context: DecodeContext): OnnxOpset {
  let domain = '';
  let version = 0;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.opset.domain, bytes)) domain = domainOf(context.name(reader));
    else if (tag === tagOf(FIELDS.opset.version, varint))
      version = reader.safeInt64('the version of an opset');
    else reader.skip(tag);
  }
  return { domain, version };
}

function decodeMetadata(reader: WireReader, context: DecodeContext): OnnxProperty {
  let key = '';
  let value = '';
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.property.key, bytes)) key = context.name(reader);
    else if (tag === tagOf(FIELDS.property.value, bytes)) value = context.text(reader, METADATA_BYTES_MAX);
    else reader.skip(tag);
  }
  return { key, value };
}

function decodeFunction(reader: WireReader, context: DecodeContext): OnnxFunction {
  const F = FIELDS.function;
  let name = '';
  let domain = '';
  const opsets: OnnxOpset[] = [];
  const nodes: OnnxNode[] = [];
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case tagOf(F.name, bytes):
        name = context.name(reader);
        break;
      case tagOf(F.domain, bytes):
        domain = domainOf(context.name(reader));
        break;
      case tagOf(F.opset, bytes):
        opsets.push(context.message(reader, decodeOpset));
        break;
      case tagOf(F.node, bytes):
        nodes.push(context.message(reader, decodeNode));
        break;
      default:
        rest.keep(start, tag);
    }
  }
  return { name, domain, opsets, nodes, rest: rest.finish() };
}

/** What bytes that are no model are, as far as that can be guessed. */
function whatItIs(file: Buffer, error: WireError): string {
  const beginning = file.toString('latin1', 0, 64);
  if (beginning.startsWith('version https://git-lfs.github.com/')) {
    return 'it is a pointer of Git LFS, the model itself was not fetched';
  }
  if (/^\s*<(!doctype|html)/i.test(beginning)) return 'it is a web page';
  return error.message;
}
