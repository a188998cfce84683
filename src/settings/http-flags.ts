import { booleanFlag, type Flag, integerFlag, textFlag } from './flag.js';
import { LIMITS } from './limits.js';
import { PORT } from './port.js';

const HTTP = 'HTTP';

/** The flags of `naiad serve` about the HTTP port. */
export const HTTP_FLAGS = {
  allowHttp: booleanFlag({ name: 'allow-http', group: HTTP, fallback: true, help: 'Serve HTTP.' }),
  httpAddress: textFlag({
    name: 'http-address',
    group: HTTP,
    fallback: '0.0.0.0',
    placeholder: 'ADDRESS',
    help: 'Address to listen on for HTTP.',
  }),
  httpPort: integerFlag({
    name: 'http-port',
    group: HTTP,
    fallback: 8000,
    ...PORT,
    help: 'Port for HTTP; 0 = any free one.',
  }),
  httpHeaderForwardPattern: textFlag({
    name: 'http-header-forward-pattern',
    group: HTTP,
    fallback: '',
    placeholder: 'REGEX',
    help: 'Request headers in whose names it is found become parameters of the request.',
  }),
  httpRestrictedApi: textFlag({
    name: 'http-restricted-api',
    group: HTTP,
    fallback: '',
    placeholder: 'API[,API]:KEY=VALUE',
    repeatable: true,
    help: 'Only those may call these APIs who send the header KEY with VALUE: health, metadata, inference, shared-memory, model-config, model-repository, statistics, trace, logging.',
  }),
  httpMaxInputSize: integerFlag({
    name: 'http-max-input-size',
    group: HTTP,
    fallback: LIMITS.httpInputBytesMax,
    min: 1,
    max: LIMITS.messageBytesMax,
    placeholder: 'BYTES',
    help: 'Largest body of one HTTP request, decompressed.',
  }),
} as const satisfies Record<string, Flag<unknown>>;
