import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, inflateSync } from 'node:zlib';
import { type Answer, isObject, type Json, type JsonObject, type Step } from './recording.js';
import { toRecordedData } from './tensors.js';

type HttpStep = NonNullable<Step['http']>;

/** Sends a recorded request, with its own headers and no others, and writes the answer as it was recorded. */
export async function answerHttp(url: string, step: HttpStep): Promise<Answer> {
  const body = Buffer.from(step.body, 'base64');
  const sent = request(`${url}${step.path}`, {
    method: step.method,
    headers: { ...step.headers, 'Content-Length': body.length },
    agent: false,
  });
  sent.end(body);
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  const { headers } = reply;
  const encoding = headers['content-encoding'];
  const bytes = decompress(await buffer(reply), encoding);
  const recorded = {
    status: reply.statusCode ?? 0,
    'content-type': headers['content-type'] ?? '',
    ...(encoding !== undefined && { 'content-encoding': encoding }),
  };
  const jsonBytes = headers['inference-header-content-length'];
  if (jsonBytes !== undefined) {
    return { ...recorded, binary: true, json: withBinary(bytes, Number(jsonBytes)) };
  }
  const text = bytes.toString();
  if (text === '') return recorded;
  const json = parsed(text);
  return json === undefined ? { ...recorded, text } : { ...recorded, json };
}

function decompress(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === undefined) return bytes;
  return encoding === 'gzip' ? gunzipSync(bytes) : inflateSync(bytes);
}

/** Outputs that stand behind the JSON are decoded, in their order. */
function withBinary(bytes: Buffer, jsonBytes: number): Json {
  const answer = JSON.parse(bytes.toString('utf8', 0, jsonBytes)) as JsonObject;
  let offset = jsonBytes;
  for (const output of answer.outputs as JsonObject[]) {
    const size = isObject(output.parameters) ? output.parameters.binary_data_size : undefined;
    if (typeof size !== 'number') continue;
    output.binary = toRecordedData(String(output.datatype), bytes.subarray(offset, offset + size));
    offset += size;
  }
  return answer;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
