import type { Answer } from './recording.js';

/** Families that the recorded release does not have: those of later ones, and this server's own. */
const NEWER = /^(nv_model_load_duration_secs|naiad_\w+)\{/;

/** The lines of the metrics page that hold all of some strings, written as they were recorded. */
export async function answerMetrics(port: number, match: readonly string[]): Promise<Answer> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = page
    .split('\n')
    .filter((line) => !NEWER.test(line) && match.every((text) => line.includes(text)))
    .map((line) => line.replace(/^(nv_inference_\w+_duration_us\{.*) \d+$/, '$1 *'));
  return { lines: lines.sort() };
}
