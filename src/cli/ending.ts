import type { Logger } from '../telemetry/logger.js';

/**
 * Ends the process at once by `signal`'s default action. Not by `process.exit`: that runs destructors
 * while a model may still run in a thread of ONNX Runtime, which would abort the process with a core dump.
 */
export function endBySignal(signal: NodeJS.Signals, log: Logger): void {
  log.flush();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Reached by the first process of a container only, which the kernel protects from its own signals.
  process.abort();
}
