import { readFile } from 'node:fs/promises';
import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsSettings } from '../settings/settings.js';

/** Reads what TLS needs; null = in the clear. Rejects with an Error for the user. */
export async function readCredentials(tls: TlsSettings | null): Promise<ServerCredentials> {
  if (tls === null) return ServerCredentials.createInsecure();
  const [certificate, key, roots] = await Promise.all([
    readPem(tls.certificate, '--grpc-server-cert'),
    readPem(tls.key, '--grpc-server-key'),
    tls.roots === '' ? null : readPem(tls.roots, '--grpc-root-cert'),
  ]);
  try {
    return ServerCredentials.createSsl(roots, [{ cert_chain: certificate, private_key: key }], tls.mutual);
  } catch (error) {
    throw new Error(`gRPC can't use TLS with these files: ${reasonOf(error)}`, { cause: error });
  }
}

async function readPem(path: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`${flag}=${path} can't be read: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
