// Loaded into a serving process before it starts: answers each message with what the process holds after
// a collection of garbage.
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('message', () => {
    globalThis.gc?.();
    globalThis.gc?.();
    process.send?.(process.memoryUsage());
  });
  // Asking must not keep the process alive.
  process.channel?.unref();
}
