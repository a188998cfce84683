import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256Hex } from './wheel.js';

/** What an index does wrong with a file, each once, in this order. */
export type Fault =
  | { readonly cutAfter: number }
  | { readonly status: number }
  | { readonly ignoresRange: true }
  | { readonly silent: true };

/** An index of Python packages on a free port, with the faults that networks have. */
export class TestIndex {
  readonly files = new Map<string, Buffer>();
  readonly faults = new Map<string, Fault[]>();
  /** Hashes that the index tells instead of the true ones. */
  readonly wrongHashes = new Map<string, string>();
  /** `GET /path range`, as they came. */
  readonly requests: string[] = [];
  json = false;
  /** The header `authorization` that is wanted; null for none. */
  password: string | null = null;
  /** Called when a request is left without an answer. */
  onSilence: () => void = () => {};
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/simple`;
  }

  fileUrl(filename: string): string {
    return new URL(`/files/${filename}`, this.url).href;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    this.requests.push(`${url} ${request.headers.range ?? ''}`.trim());
    if (this.password !== null && request.headers.authorization !== this.password) {
      response.writeHead(401).end();
      return;
    }
    const [, folder, name = ''] = url.split('/');
    if (folder === 'simple') this.#page(name, response);
    else this.#file(decodeURIComponent(name), request, response);
  }

  #page(name: string, response: ServerResponse): void {
    const found = [...this.files].filter(([file]) => file.startsWith(`${name.replaceAll('-', '_')}-`));
    const hash = (file: string, content: Buffer) => this.wrongHashes.get(file) ?? sha256Hex(content);
    if (found.length === 0) response.writeHead(404).end();
    else if (this.json) {
      response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json');
      response.end(
        JSON.stringify({
          files: found.map(([filename, content]) => ({
            filename,
            url: `../../files/${filename}`,
            hashes: { sha256: hash(filename, content) },
          })),
        }),
      );
    } else {
      response.setHeader('content-type', 'text/html');
      response.end(
        `<!DOCTYPE html><html><body>${found
          .map(
            ([file, content]) =>
              `<a href="../../files/${file}#sha256=${hash(file, content)}">${file}</a><br/>`,
          )
          .join('\n')}</body></html>`,
      );
    }
  }

  #file(name: string, request: IncomingMessage, response: ServerResponse): void {
    const content = this.files.get(name);
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    const fault = this.faults.get(name)?.shift();
    if (fault !== undefined && 'status' in fault) {
      response.writeHead(fault.status).end();
      return;
    }
    if (fault !== undefined && 'silent' in fault) {
      this.onSilence();
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const ranged = from > 0 && !(fault !== undefined && 'ignoresRange' in fault);
    if (ranged && from >= content.byteLength) {
      response.writeHead(416).end();
      return;
    }
    const body = ranged ? content.subarray(from) : content;
    if (ranged)
      response.setHeader('content-range', `bytes ${from}-${content.byteLength - 1}/${content.byteLength}`);
    response.writeHead(ranged ? 206 : 200, { 'content-length': body.byteLength });
    if (fault !== undefined && 'cutAfter' in fault)
      response.write(body.subarray(0, fault.cutAfter), () => response.socket?.destroy());
    else response.end(body);
  }
}
