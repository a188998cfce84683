// Names the emotion of a face: classify.ts PICTURE [ADDRESS]
import { readFileSync } from 'node:fs';
import { classesOf, InferenceClient, InferenceError, tensor } from 'naiad-client';

const [picture, address = 'localhost:8001'] = process.argv.slice(2);
if (picture === undefined) throw new Error('usage: classify.ts PICTURE [ADDRESS]');

const client = new InferenceClient(address);
try {
  const answer = await client.infer(
    {
      model: 'face_emotion',
      // The server decodes it; it takes tensors of pixels as well.
      inputs: [tensor.bytes('image', [1], [readFileSync(picture)])],
      outputs: [{ name: 'probabilities', classes: 1 }],
    },
    { timeoutMs: 30_000 },
  );
  const [best] = classesOf(answer.output('probabilities'))[0] ?? [];
  console.log(`${best?.label} ${best?.value.toFixed(6)}`);
} catch (error) {
  if (!(error instanceof InferenceError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
