import { Buffer } from 'node:buffer';
import { Metadata } from '@grpc/grpc-js';
import type { ServingError } from '../errors/serving-error.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import { delimitedSize, utf8Size, varintSize, WireWriter } from '../wire/writer.js';

/** Who gives the reasons, `ErrorInfo.domain` of google.rpc. */
const DOMAIN = 'naiad';

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** Clients accept 8 KiB of trailers in sum; the text, which stands in them a second time, has at most 6. */
const DETAILS_BYTES_MAX = 1024;

/**
 * What goes into the trailers besides status and text: the reason for programs, and after which time a
 * retry may help, as google.rpc's messages and as gRPC's own hint to its clients.
 */
export function detailsOf({ reason, retryMs }: ServingError, code: number, text: string): Metadata {
  const metadata = new Metadata();
  const details = [any(ERROR_INFO, fields([reason, DOMAIN]))];
  if (retryMs !== null) {
    metadata.set('grpc-retry-pushback-ms', String(retryMs));
    details.push(any(RETRY_INFO, message(1, duration(retryMs))));
  }
  if (utf8Size(text) <= DETAILS_BYTES_MAX) {
    metadata.set('grpc-status-details-bin', status(code, text, details));
  }
  return metadata;
}

/** google.rpc.Status */
function status(code: number, text: string, details: readonly Buffer[]): Buffer {
  const size = 1 + varintSize(code) + delimitedSize(utf8Size(text));
  const writer = new WireWriter(size);
  writer.header(tagOf(1, WireType.varint), code);
  writer.string(tagOf(2, WireType.bytes), text, utf8Size(text));
  return Buffer.concat([writer.finish(), ...details.map((detail) => message(3, detail))]);
}

/** google.protobuf.Any */
function any(type: string, value: Buffer): Buffer {
  return Buffer.concat([fields([type]), message(2, value)]);
}

/** google.protobuf.Duration */
function duration(ms: number): Buffer {
  const [seconds, nanos] = [Math.floor(ms / 1000), (ms % 1000) * 1e6];
  const writer = new WireWriter(2 + varintSize(seconds) + varintSize(nanos));
  writer.header(tagOf(1, WireType.varint), seconds);
  writer.header(tagOf(2, WireType.varint), nanos);
  return writer.finish();
}

/** Texts as the fields 1, 2 and so on. */
function fields(texts: readonly string[]): Buffer {
  const writer = new WireWriter(texts.reduce((size, text) => size + delimitedSize(utf8Size(text)), 0));
  for (const [index, text] of texts.entries()) {
    writer.string(tagOf(index + 1, WireType.bytes), text, utf8Size(text));
  }
  return writer.finish();
}

/** A message as a field of another. */
function message(field: number, bytes: Buffer): Buffer {
  const writer = new WireWriter(delimitedSize(bytes.length));
  writer.bytes(tagOf(field, WireType.bytes), bytes);
  return writer.finish();
}
