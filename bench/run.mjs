import { artifacts } from './cases/artifacts.mjs';
import { latency } from './cases/latency.mjs';
import { manyModels } from './cases/many-models.mjs';
import { mobilenetAllCores, mobilenetOneLane } from './cases/mobilenet-throughput.mjs';
import { pictures } from './cases/pictures.mjs';
import { reload } from './cases/reload.mjs';
import { simple } from './cases/simple.mjs';
import { Context } from './context.mjs';
import { readOptions, USAGE } from './options.mjs';
import { foreignCores, judge } from './report/figures.mjs';
import { keep, publish } from './report/publish.mjs';
import { caseSection, QUIET_CORES_MAX } from './report/tables.mjs';
import { describeMachine } from './system/machine.mjs';
import { Peer } from './system/server.mjs';

// The server, its clients and the bare work each in processes of their own, side by side in one run.
// Bounds are reported, never asserted: the exit code says whether everything ran.

/** @type {readonly import('./context.mjs').Case[]} */
const CASES = [simple, latency, mobilenetOneLane, mobilenetAllCores, pictures, reload, artifacts, manyModels];

const options = readOptions(process.argv.slice(2), process.env);
if (options.help || options.list) {
  console.log(
    options.help ? USAGE : CASES.map(({ name, title }) => `${name.padEnd(20)} ${title}`).join('\n'),
  );
} else {
  await main();
}

async function main() {
  const { only, pace, builds, shared, root } = options;
  const unknown = only.filter((name) => !CASES.some((candidate) => candidate.name === name));
  if (unknown.length > 0) throw new Error(`no case ${unknown.join(', ')}; --list tells which there are`);

  const peer = new Peer({ shared, home: options.peers });
  const date = new Date().toISOString();
  const cases = [];
  for (const candidate of CASES) {
    if (only.length > 0 && !only.includes(candidate.name)) continue;
    const context = new Context({ pace, builds, peer, shared, root });
    const interrupted = () => context.close().finally(() => process.exit(1));
    process.once('SIGTERM', interrupted).once('SIGINT', interrupted);
    const report = await runCase(candidate, context);
    process.off('SIGTERM', interrupted).off('SIGINT', interrupted);
    console.log(`${caseSection(report)}\n`);
    cases.push(report);
  }
  const report = { date, machine: describeMachine(), pace, cases };
  const failed = cases.some((candidate) => candidate.failed !== null);
  const quiet = options.publish || cases.every((candidate) => foreignCores(candidate) <= QUIET_CORES_MAX);
  if (options.publishable && !quiet)
    console.log('not published, for the machine was busy; --publish does it');
  const published = options.publishable && quiet && !failed;
  const path = published ? await publish(report, root) : await keep(report, root);
  console.log(`results: ${path}`);
  if (failed) process.exitCode = 1;
}

/**
 * @param {import('./context.mjs').Case} candidate
 * @param {Context} context
 * @returns {Promise<import('./report/figures.mjs').CaseReport>}
 */
async function runCase({ name, title, run }, context) {
  const empty = { name, title, skipped: null, failed: null, bounds: [], subjects: [] };
  try {
    const result = await run(context);
    if (typeof result === 'string') return { ...empty, skipped: result };
    const { bounds, slices } = result;
    return {
      ...empty,
      bounds: bounds.map(judge),
      subjects: [...slices].map(([subject, rounds]) => ({ subject, rounds })),
    };
  } catch (error) {
    return { ...empty, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await context.close();
  }
}
