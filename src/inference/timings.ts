/**
 * When a request reached each stage, monotonic nanoseconds; 0 = not reached. The stages are those of
 * Triton's statistics: queue = computeStart - queueStart, compute input = computeInputEnd -
 * computeStart, compute infer = computeOutputStart - computeInputEnd, compute output = computeEnd -
 * computeOutputStart.
 */
export interface Timings {
  received: number;
  queueStart: number;
  computeStart: number;
  computeInputEnd: number;
  computeOutputStart: number;
  computeEnd: number;
}

export function newTimings(received: number): Timings {
  return {
    received,
    queueStart: 0,
    computeStart: 0,
    computeInputEnd: 0,
    computeOutputStart: 0,
    computeEnd: 0,
  };
}
