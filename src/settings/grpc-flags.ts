import { booleanFlag, type Flag, integerFlag, textFlag } from './flag.js';
import { PORT } from './port.js';

const GRPC = 'gRPC';
const MS_MAX = 2 ** 31 - 1;

/** The flags of `naiad serve` about the gRPC port. */
export const GRPC_FLAGS = {
  allowGrpc: booleanFlag({ name: 'allow-grpc', group: GRPC, fallback: true, help: 'Serve gRPC.' }),
  grpcAddress: textFlag({
    name: 'grpc-address',
    group: GRPC,
    fallback: '0.0.0.0',
    placeholder: 'ADDRESS',
    help: 'Address to listen on for gRPC.',
  }),
  grpcPort: integerFlag({
    name: 'grpc-port',
    group: GRPC,
    fallback: 8001,
    ...PORT,
    help: 'Port for gRPC; 0 = any free one.',
  }),
  grpcHeaderForwardPattern: textFlag({
    name: 'grpc-header-forward-pattern',
    group: GRPC,
    fallback: '',
    placeholder: 'REGEX',
    help: 'Request headers in whose names it is found become parameters of the request.',
  }),
  grpcRestrictedProtocol: textFlag({
    name: 'grpc-restricted-protocol',
    group: GRPC,
    fallback: '',
    placeholder: 'API[,API]:KEY=VALUE',
    repeatable: true,
    help: 'Only those may call these APIs who send the header triton-grpc-protocol-KEY with VALUE: health, metadata, inference, shared-memory, model-config, model-repository, statistics, trace, logging.',
  }),
  grpcUseSsl: booleanFlag({
    name: 'grpc-use-ssl',
    group: GRPC,
    fallback: false,
    help: 'Serve gRPC over TLS, with --grpc-server-cert and --grpc-server-key.',
  }),
  grpcUseSslMutual: booleanFlag({
    name: 'grpc-use-ssl-mutual',
    group: GRPC,
    fallback: false,
    help: 'The same, and clients need a certificate that --grpc-root-cert has signed.',
  }),
  grpcServerCert: pemFlag('grpc-server-cert', "The server's certificate."),
  grpcServerKey: pemFlag('grpc-server-key', 'Its key.'),
  grpcRootCert: pemFlag('grpc-root-cert', "Who signs clients' certificates."),
  grpcKeepaliveTime: integerFlag({
    name: 'grpc-keepalive-time',
    group: GRPC,
    fallback: 7_200_000,
    min: 1,
    max: MS_MAX,
    placeholder: 'MS',
    help: 'Milliseconds of silence after which a connection is asked whether it is still there.',
  }),
  grpcKeepaliveTimeout: integerFlag({
    name: 'grpc-keepalive-timeout',
    group: GRPC,
    fallback: 20_000,
    min: 1,
    max: MS_MAX,
    placeholder: 'MS',
    help: 'Milliseconds that its answer may take.',
  }),
  grpcMaxConnectionAge: integerFlag({
    name: 'grpc-max-connection-age',
    group: GRPC,
    fallback: 0,
    fallbackText: 'no end',
    min: 0,
    max: MS_MAX,
    placeholder: 'MS',
    help: 'Milliseconds after which a connection is asked to end; 0 = no end.',
  }),
  grpcMaxConnectionAgeGrace: integerFlag({
    name: 'grpc-max-connection-age-grace',
    group: GRPC,
    fallback: 0,
    fallbackText: 'all they need',
    min: 0,
    max: MS_MAX,
    placeholder: 'MS',
    help: 'Milliseconds that its calls then have; 0 = all they need.',
  }),
} as const satisfies Record<string, Flag<unknown>>;

function pemFlag(name: string, help: string): Flag<string> {
  return textFlag({ name, group: GRPC, fallback: '', placeholder: 'FILE', help: `${help} PEM.` });
}
