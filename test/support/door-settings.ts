import { LIMITS } from '#naiad/settings/limits.js';
import type { GrpcSettings, HttpSettings } from '#naiad/settings/settings.js';

/** A gRPC door on a free loopback port. */
export function testGrpc(overrides: Partial<GrpcSettings> = {}): GrpcSettings {
  return {
    enabled: true,
    address: '127.0.0.1',
    port: 0,
    restrictions: [],
    headerPattern: null,
    keepaliveMs: 7_200_000,
    keepaliveTimeoutMs: 20_000,
    connectionAgeMs: Number.POSITIVE_INFINITY,
    connectionAgeGraceMs: Number.POSITIVE_INFINITY,
    tls: null,
    ...overrides,
  };
}

/** An HTTP door on a free loopback port. */
export function testHttp(overrides: Partial<HttpSettings> = {}): HttpSettings {
  return {
    enabled: true,
    address: '127.0.0.1',
    port: 0,
    restrictions: [],
    headerPattern: null,
    inputBytesMax: LIMITS.httpInputBytesMax,
    ...overrides,
  };
}
