// Names the emotion of a face: node emotion.mjs PICTURE [ADDRESS]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [picture, address = 'localhost:8001'] = process.argv.slice(2);
const proto = fileURLToPath(new URL('../../proto', import.meta.url));
const { inference } = grpc.loadPackageDefinition(
  loadSync('grpc_service.proto', { keepCase: true, includeDirs: [proto] }),
);

/** BYTES elements are a 4-byte little-endian length, then the bytes. */
function bytesElement(data) {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([length, data]);
}

const client = new inference.GRPCInferenceService(address, grpc.credentials.createInsecure());
client.ModelInfer(
  {
    model_name: 'face_emotion',
    inputs: [{ name: 'image', datatype: 'BYTES', shape: [1] }],
    raw_input_contents: [bytesElement(readFileSync(picture))],
    // Asks for one "value:index:label" string instead of the seven probabilities.
    outputs: [{ name: 'probabilities', parameters: { classification: { int64_param: 1 } } }],
  },
  { deadline: Date.now() + 30_000 },
  (error, answer) => {
    if (error) {
      console.error(`${grpc.status[error.code]}: ${error.details}`);
      process.exitCode = 1;
    } else {
      // A length of 4 bytes, then the element.
      const [score, , label] = answer.raw_output_contents[0].subarray(4).toString().split(':');
      console.log(`${label} ${score}`);
    }
    client.close();
  },
);
