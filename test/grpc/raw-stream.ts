import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';

export const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';
export const WATCH = '/grpc.health.v1.Health/Watch';
export const SERVER_LIVE = '/inference.GRPCInferenceService/ServerLive';

/** A connection on which calls are made by hand; with `windowBytes` it takes no more of an answer than that. */
export async function openSession(port: number, windowBytes = 65_535): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: windowBytes } });
  session.on('error', () => {});
  await once(session, 'connect');
  return session;
}

/** A call of which nothing but the headers has been sent. */
export function openCall(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  const stream = session.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers },
    { endStream: false },
  );
  stream.on('error', () => {});
  return stream;
}

/** A message as it goes over the wire. */
export function framed(message: Uint8Array, compressed = false): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Status and text of a call that is refused before it has an answer. */
export async function refusalOf(stream: ClientHttp2Stream): Promise<{ code: number; details: string }> {
  const [headers] = await once(stream, 'response');
  stream.resume();
  return {
    code: Number(headers['grpc-status']),
    details: decodeURI(String(headers['grpc-message'] ?? '')),
  };
}
