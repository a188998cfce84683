import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** TensorFlow.js, the runtime that the nets were published for. Loaded as CommonJS, the same copy that face-api uses. */
export const tf: typeof import('@tensorflow/tfjs') = require('@tensorflow/tfjs');
const wasm: typeof import('@tensorflow/tfjs-backend-wasm') = require('@tensorflow/tfjs-backend-wasm');

/** Must be awaited before anything else here is used. */
export async function startTensorflow(): Promise<void> {
  wasm.setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  tf.env().set('PROD', true);
  await tf.setBackend('wasm');
  await tf.ready();
}
