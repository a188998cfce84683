import { resolve } from 'node:path';
import type { Environment } from './environment.js';
import { GRPC_FLAGS } from './grpc-flags.js';
import { HTTP_FLAGS } from './http-flags.js';
import type { ParsedFlags } from './parse-flags.js';
import { readRestrictions } from './protocol-restriction.js';
import type { GrpcSettings, HttpSettings, TlsSettings } from './settings.js';

/** The settings of the inference doors; mistakes are whole lines for the user. */
export function readDoors(
  flags: ParsedFlags,
  environment: Environment,
): { readonly grpc: GrpcSettings; readonly http: HttpSettings; readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const restrictions = (flag: typeof GRPC_FLAGS.grpcRestrictedProtocol) => {
    const read = readRestrictions(flag.name, flags.all(flag));
    mistakes.push(...read.mistakes);
    return read.restrictions;
  };
  const pattern = (flag: typeof GRPC_FLAGS.grpcHeaderForwardPattern): RegExp | null => {
    const text = flags.get(flag);
    if (text === '') return null;
    try {
      return new RegExp(text, 'i');
    } catch (error) {
      mistakes.push(`--${flag.name}=${text}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const grpc: GrpcSettings = {
    enabled: flags.get(GRPC_FLAGS.allowGrpc),
    address: flags.get(GRPC_FLAGS.grpcAddress),
    port: flags.get(GRPC_FLAGS.grpcPort),
    restrictions: restrictions(GRPC_FLAGS.grpcRestrictedProtocol),
    headerPattern: pattern(GRPC_FLAGS.grpcHeaderForwardPattern),
    keepaliveMs: flags.get(GRPC_FLAGS.grpcKeepaliveTime),
    keepaliveTimeoutMs: flags.get(GRPC_FLAGS.grpcKeepaliveTimeout),
    connectionAgeMs: flags.get(GRPC_FLAGS.grpcMaxConnectionAge) || Number.POSITIVE_INFINITY,
    connectionAgeGraceMs: flags.get(GRPC_FLAGS.grpcMaxConnectionAgeGrace) || Number.POSITIVE_INFINITY,
    tls: readTls(flags, environment, mistakes),
  };
  const http: HttpSettings = {
    enabled: flags.get(HTTP_FLAGS.allowHttp),
    address: flags.get(HTTP_FLAGS.httpAddress),
    port: flags.get(HTTP_FLAGS.httpPort),
    restrictions: restrictions(HTTP_FLAGS.httpRestrictedApi),
    headerPattern: pattern(HTTP_FLAGS.httpHeaderForwardPattern),
    inputBytesMax: flags.get(HTTP_FLAGS.httpMaxInputSize),
  };
  return { grpc, http, mistakes };
}

function readTls(flags: ParsedFlags, environment: Environment, mistakes: string[]): TlsSettings | null {
  const { grpcUseSsl, grpcUseSslMutual, grpcServerCert, grpcServerKey, grpcRootCert } = GRPC_FLAGS;
  const mutual = flags.get(grpcUseSslMutual);
  const [certificate, key, roots] = [grpcServerCert, grpcServerKey, grpcRootCert].map((flag) =>
    flags.get(flag),
  );
  if (!mutual && !flags.get(grpcUseSsl)) {
    if (certificate !== '' || key !== '' || roots !== '') {
      mistakes.push('certificates of gRPC were given, but TLS is off: give --grpc-use-ssl, too');
    }
    return null;
  }
  if (!certificate || !key) {
    mistakes.push('--grpc-use-ssl needs --grpc-server-cert and --grpc-server-key');
    return null;
  }
  if (mutual && !roots) {
    // Else whoever has a certificate of any authority that the system knows would be let in.
    mistakes.push('--grpc-use-ssl-mutual needs --grpc-root-cert');
    return null;
  }
  const path = (text: string): string => resolve(environment.workingDirectory, text);
  return { certificate: path(certificate), key: path(key), roots: roots ? path(roots) : '', mutual };
}
