import { afterEach, expect, it } from 'vitest';
import { TestClient } from '../support/client.js';
import { matmulModel } from '../support/onnx.js';
import { TestRepository } from '../support/repository.js';
import { ServeProcess } from './run-cli.js';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

/** Some 130 billion multiplications: ONNX Runtime is inside `run` for seconds. */
const SIZE = 256;
const REPEAT = 2000;
const ROWS = 512;

it('ends at once while ONNX Runtime runs, without aborting', async () => {
  const repository = new TestRepository({
    'busy/1/model.onnx': matmulModel(SIZE, SIZE, (i, j) => (i === j ? 1 : 0), REPEAT),
    'busy/config.pbtxt': `max_batch_size: ${ROWS}\ninstance_group { kind: KIND_CPU count: 1 }\n`,
  });
  cleanup.push(() => repository.remove());
  const server = new ServeProcess('--model-repository', repository.directory);
  const { grpcPort } = await server.line(/^serving/);
  const client = new TestClient(Number(grpcPort));
  cleanup.push(() => client.close());
  const answer = client.infer({
    model_name: 'busy',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [ROWS, SIZE] }],
    raw_input_contents: [Buffer.alloc(ROWS * SIZE * 4)],
  });
  const outcome = answer.then(
    () => 'answered',
    () => 'cut off',
  );
  // The lane has the request once a later call on the same connection is answered.
  await client.call('ServerLive');
  server.kill('SIGTERM');
  await server.line(/^stopping/);
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect(server.err).not.toMatch(/Napi|terminate called/);
  expect(await outcome).toBe('cut off');
});
