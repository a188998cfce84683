const CELLS = 24;

/** `calibrating [######------------------] 32 of 128`; without the bar where there is nothing to count. */
export function progressText(stage: string, done: number, total: number): string {
  if (total <= 1) return stage;
  const filled = Math.round((CELLS * Math.min(done, total)) / total);
  return `${stage} [${'#'.repeat(filled)}${'-'.repeat(CELLS - filled)}] ${done} of ${total}`;
}
