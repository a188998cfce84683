import { get } from 'node:http';
import { readGrpcAddress } from './address.js';
import { HEALTH_FLAGS } from './client-flags.js';
import { readFlags } from './command.js';
import { CommandError, EXIT, UsageError } from './exit-codes.js';
import { type Headers, readHeaders } from './headers.js';
import type { Io } from './io.js';

const HTTP_DEFAULT = 'http://localhost:8000';
const GRPC_DEFAULT = 'localhost:8001';

/** What is asked: about the server (`model` is ''), or about one model. */
interface Question {
  readonly live: boolean;
  readonly model: string;
  readonly timeoutSecs: number;
  readonly headers: Headers;
}

/** Tells by its exit code whether a server, or a model of it, is ready. */
export async function health(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(HEALTH_FLAGS));
  if (flags.positionals.length > 0) throw new UsageError(`unexpected argument '${flags.positionals[0]}'`);
  const question: Question = {
    live: flags.get(HEALTH_FLAGS.live),
    model: flags.get(HEALTH_FLAGS.model),
    timeoutSecs: flags.get(HEALTH_FLAGS.timeout),
    headers: readHeaders(flags.all(HEALTH_FLAGS.header)),
  };
  if (question.live && question.model !== '') throw new UsageError('--live and --model exclude each other');
  const good = await ask(flags.get(HEALTH_FLAGS.url), question);
  const subject = question.model === '' ? 'server' : `model '${question.model}'`;
  io.out(`${subject} is ${good ? '' : 'not '}${question.live ? 'live' : 'ready'}\n`);
  return good ? EXIT.ok : EXIT.failed;
}

async function ask(url: string, question: Question): Promise<boolean> {
  if (/^https?:\/\//i.test(url)) return askHttp(url, question);
  if (url !== '') return askGrpc(readGrpcAddress(url), question);
  try {
    return await askHttp(HTTP_DEFAULT, question);
  } catch (error) {
    if (!(error instanceof NotListening)) throw error;
    return askGrpc(GRPC_DEFAULT, question);
  }
}

class NotListening extends CommandError {}

/** The status of a GET: 200 is yes, Triton's 400 no, anything else is not such a server. */
function askHttp(base: string, { live, model, timeoutSecs, headers }: Question): Promise<boolean> {
  const path =
    model !== ''
      ? `/v2/models/${encodeURIComponent(model)}/ready`
      : live
        ? '/v2/health/live'
        : '/v2/health/ready';
  if (/^https:/i.test(base)) throw new UsageError(`--url=${base}: only http:// and gRPC are supported`);
  const url = new URL(path, base);
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { signal: AbortSignal.timeout(timeoutSecs * 1000), agent: false, headers },
      (response) => {
        response.resume();
        const { statusCode } = response;
        if (statusCode === 200) resolve(true);
        else if (statusCode === 400) resolve(false);
        else if (statusCode === 404 && model !== '') resolve(false);
        else reject(new CommandError(`${url.host} answers ${url.pathname} with HTTP status ${statusCode}`));
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(new NotListening(`no server answers at ${url.host}`));
      else if (error.name === 'AbortError' || error.name === 'TimeoutError') {
        reject(new CommandError(`no answer from ${url.host} within ${timeoutSecs} s (--timeout)`));
      } else reject(new CommandError(`no answer from ${url.host}: ${error.message}`));
    });
  });
}

async function askGrpc(address: string, { live, model, timeoutSecs, headers }: Question): Promise<boolean> {
  // Loaded here only: a check over HTTP, made every few seconds in a container, does without gRPC.
  const { ServerClient } = await import('./client.js');
  const client = new ServerClient(address, timeoutSecs, headers);
  try {
    if (model !== '') return (await client.call<{ ready: boolean }>('ModelReady', { name: model })).ready;
    if (live) return (await client.call<{ live: boolean }>('ServerLive', {})).live;
    return (await client.health()) === 'SERVING';
  } finally {
    client.close();
  }
}
