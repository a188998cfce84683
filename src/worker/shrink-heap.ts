/**
 * Has V8 collect all garbage of the calling thread and give the pages back, which it puts off in a thread
 * that does nothing. Holds the thread for some 20 ms. Never throws; nothing where Node was told to keep its
 * inspector away.
 */
export async function shrinkHeap(): Promise<void> {
  try {
    const { Session } = await import('node:inspector');
    const session = new Session();
    session.connect();
    try {
      await new Promise<void>((resolve) => session.post('HeapProfiler.collectGarbage', () => resolve()));
    } finally {
      session.disconnect();
    }
  } catch {
    // It is collected with what comes later.
  }
}
