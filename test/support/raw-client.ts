import { type CallOptions, Client, type ClientOptions, credentials, Metadata } from '@grpc/grpc-js';

/** How a call ended: with bytes, or with a status. */
export type RawAnswer =
  | { readonly kind: 'ok'; readonly bytes: Buffer }
  | { readonly kind: 'failed'; readonly code: number; readonly details: string };

export const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';

/** Sends bytes as they are, whatever they mean. */
export class RawClient {
  readonly #client: Client;

  constructor(port: number, options: ClientOptions = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** Never rejects. */
  send(path: string, bytes: Buffer, options: CallOptions = {}): Promise<RawAnswer> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        (request: Buffer) => request,
        (response: Buffer) => response,
        bytes,
        new Metadata(),
        options,
        (error, response) => {
          if (error !== null) resolve({ kind: 'failed', code: error.code, details: error.details });
          else resolve({ kind: 'ok', bytes: response ?? Buffer.alloc(0) });
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
