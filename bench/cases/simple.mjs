import { join } from 'node:path';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { ask, expect } from '../system/check-answer.mjs';
import { TWO_CORES } from '../system/cores.mjs';

const OUTSTANDING = 64;
const CONNECTIONS = 4;
const PER_SECOND_MIN = 8000;
const OF_TRITON_MIN = 0.5;

/** The smallest model there is, so that the server itself is what is measured; clients on the same cores. */
/** @type {import('../context.mjs').Case} */
export const simple = {
  name: 'simple',
  title: "`simple`, 64 outstanding, server and clients on 2 cores, beside a real Triton's",
  async run(context) {
    const left = Int32Array.from({ length: 16 }, (_, index) => index);
    const right = new Int32Array(16).fill(1);
    const message = encodeInferRequest({
      model: 'simple',
      inputs: [left, right].map(({ buffer }, index) => ({
        name: `INPUT${index}`,
        datatype: 'INT32',
        shape: [1, 16],
        data: new Uint8Array(buffer),
      })),
      classification: null,
    });
    const client = context.client(TWO_CORES);
    const servers = [];
    for (const build of context.builds) {
      const repository = await context.repository([
        {
          name: 'simple',
          config: SIMPLE_CONFIG,
          file: join(context.root, 'model-repository/simple/1/model.onnx'),
        },
      ]);
      servers.push(await context.server({ repository, cores: TWO_CORES }, build));
    }
    const triton = context.peer.installed
      ? await context.triton({ repository: context.peer.models, cores: TWO_CORES })
      : null;
    if (triton !== null) servers.push(triton);
    for (const { grpcPort } of servers) await checkSums(grpcPort, message);

    const slices = await measureInTurn(
      servers.map((server) =>
        served({ server, client, connections: CONNECTIONS, outstanding: OUTSTANDING, messages: [message] }),
      ),
      context.pace,
    );
    /** @type {import('../context.mjs').Bound[]} */
    const bounds = [];
    for (const [index, { name }] of context.builds.entries()) {
      const suffix = index === 0 ? '' : `: ${name}`;
      bounds.push({
        what: `requests per second${suffix}`,
        unit: '/s',
        limit: { kind: 'atLeast', value: PER_SECOND_MIN },
        values: (slices.get(name) ?? []).map(({ perSecond }) => perSecond),
      });
      if (triton === null) continue;
      bounds.push({
        what: `requests per second / ${triton.name}${suffix}`,
        unit: '',
        limit: { kind: 'atLeast', value: OF_TRITON_MIN },
        values: perRound(slices, name, triton.name, (a, b) => a.perSecond / b.perSecond),
      });
    }
    for (const { name } of context.builds.slice(1)) {
      bounds.push({
        what: `requests per second, ${name} / ${context.build.name}`,
        unit: '',
        limit: null,
        values: perRound(slices, name, context.build.name, (a, b) => a.perSecond / b.perSecond),
      });
    }
    return { slices, bounds };
  },
};

const SIMPLE_CONFIG = `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "INPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "OUTPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]
dynamic_batching { }
`;

/** @param {number} port @param {Buffer} message */
async function checkSums(port, message) {
  const { outputs, raw_output_contents } = await ask(port, message);
  const sums = raw_output_contents[outputs.findIndex(({ name }) => name === 'OUTPUT0')];
  const right =
    sums?.length === 64 && Array.from({ length: 16 }).every((_, i) => sums.readInt32LE(i * 4) === i + 1);
  expect(right, 'OUTPUT0 is not the sum');
}
