import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { identityModel, meanModel } from '../models/onnx.mjs';
import { ask, expect } from '../system/check-answer.mjs';

/**
 * @typedef {object} Exchange
 * @property {string} name
 * @property {string} title
 * @property {Buffer} model
 * @property {readonly number[]} dims of INPUT0 without the batch
 * @property {number} answerBytes
 * @property {number | null} addedMsMax at the median
 */

const PICTURE = [3, 224, 224];

/** @type {readonly Exchange[]} */
const EXCHANGES = [
  {
    name: 'identity4k',
    title: '4 kB in, 4 kB out',
    model: identityModel([1024]),
    dims: [1024],
    answerBytes: 4096,
    addedMsMax: 0.5,
  },
  {
    name: 'mean602k',
    title: '602 kB in, 12 bytes out',
    model: meanModel(),
    dims: PICTURE,
    answerBytes: 12,
    addedMsMax: 2,
  },
  {
    name: 'identity602k',
    title: '602 kB in, 602 kB out',
    model: identityModel(PICTURE),
    dims: PICTURE,
    answerBytes: 602_112,
    addedMsMax: null,
  },
];

/** What a lone request waits for besides the model; clients in a process of their own, sockets included. */
/** @type {import('../context.mjs').Case} */
export const latency = {
  name: 'latency',
  title: 'Latency added to the bare run, one request at a time',
  async run(context) {
    const repository = await context.repository(
      EXCHANGES.map(({ name, model, dims }) => ({ name, config: configOf(dims, name), file: model })),
    );
    const client = context.client();
    /** @type {import('../measure.mjs').Slices} */
    const slices = new Map();
    /** @type {import('../context.mjs').Bound[]} */
    const bounds = [];
    /** @type {import('../system/server.mjs').RunningServer[]} */
    const servers = [];
    for (const build of context.builds) servers.push(await context.server({ repository }, build));
    for (const exchange of EXCHANGES) {
      const own = await measureExchange(context, exchange, servers, client, repository);
      for (const [name, values] of own) slices.set(name, values);
      for (const [index, { name }] of servers.entries()) {
        const added = (/** @type {'p50Ms' | 'p99Ms'} */ key) =>
          perRound(
            own,
            subjectName(exchange, name),
            subjectName(exchange, 'bare'),
            (a, b) => a[key] - b[key],
          );
        const suffix = index === 0 ? '' : `: ${name}`;
        const { addedMsMax } = exchange;
        bounds.push(
          {
            what: `added, ${exchange.title}, median${suffix}`,
            unit: 'ms',
            limit: addedMsMax === null ? null : { kind: 'atMost', value: addedMsMax },
            values: added('p50Ms'),
          },
          { what: `added, ${exchange.title}, p99${suffix}`, unit: 'ms', limit: null, values: added('p99Ms') },
        );
      }
    }
    return { slices, bounds };
  },
};

/**
 * @param {import('../context.mjs').Context} context
 * @param {Exchange} exchange
 * @param {readonly import('../system/server.mjs').RunningServer[]} servers
 * @param {import('../system/child.mjs').Child} client
 * @param {string} repository
 */
async function measureExchange(context, exchange, servers, client, repository) {
  const { name, dims, answerBytes } = exchange;
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1)).map(
    (_, index) => index % 251,
  );
  const bytes = new Uint8Array(data.buffer);
  const message = encodeInferRequest({
    model: name,
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, ...dims], data: bytes }],
    classification: null,
  });
  for (const { grpcPort } of servers) {
    const { raw_output_contents } = await ask(grpcPort, message);
    expect(
      raw_output_contents[0]?.length === answerBytes,
      `${raw_output_contents[0]?.length} bytes of ${name}`,
    );
  }
  const dataFile = join(await context.folder(), 'data');
  await writeFile(dataFile, bytes);
  const bare = await context.bare({
    name: subjectName(exchange, 'bare'),
    work: 'infer',
    threads: 1,
    rows: 1,
    options: {
      model: join(repository, name, '1/model.onnx'),
      input: 'INPUT0',
      type: 'float32',
      shape: [1, ...dims],
      dataFile,
    },
  });
  const subjects = servers.map((server) =>
    served({
      server,
      client,
      connections: 1,
      outstanding: 1,
      messages: [message],
      name: subjectName(exchange, server.name),
    }),
  );
  return await measureInTurn([...subjects, bare], context.pace);
}

/** @param {Exchange} exchange @param {string} name */
function subjectName({ title }, name) {
  return `${name}: ${title}`;
}

/** @param {readonly number[]} dims @param {string} name */
function configOf(dims, name) {
  return `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ ${dims.join(', ')} ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ ${(name === 'mean602k' ? [3, 1, 1] : dims).join(', ')} ] } ]
dynamic_batching { }
`;
}
