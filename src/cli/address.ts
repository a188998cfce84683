import { UsageError } from './exit-codes.js';

/** The `HOST:PORT` of a `--url`; throws {@link UsageError} for what is no gRPC address. */
export function readGrpcAddress(url: string): string {
  const address = url.replace(/^grpc:\/\//i, '').replace(/\/$/, '');
  if (/^https?:\/\//i.test(address)) {
    throw new UsageError(`--url=${url}: expected the gRPC address HOST:PORT, the port is 8001 by default`);
  }
  if (!/^.+:\d+$/.test(address)) {
    throw new UsageError(`--url=${url}: expected HOST:PORT, e.g. localhost:8001`);
  }
  return address;
}
