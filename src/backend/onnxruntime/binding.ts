import { createRequire } from 'node:module';

// Required, not imported: to import a CommonJS package all of its files are searched for the names that it
// exports first, which every lane's thread would wait for.
const require = createRequire(import.meta.url);

/** ONNX Runtime as onnxruntime-node binds it, the same object for all who import that package in a thread. */
export const ort = require('onnxruntime-node') as typeof import('onnxruntime-node');
