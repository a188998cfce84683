// A preparing thread that ends when it is asked for the model `die`, and while it starts when told so.
import { existsSync, rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import handle from '../../../dist/worker/prepare/prepare-thread.js';

if (existsSync(process.env.NAIAD_TEST_DIE_AT_START ?? '')) {
  rmSync(process.env.NAIAD_TEST_DIE_AT_START);
  throw new Error('a fault at start');
}

export default async function dying(request) {
  if (request.kind !== 'find' || request.name !== 'die') return handle(request);
  await setImmediate();
  process.exit(1);
}
