import { artifacts } from './cases/artifacts.mjs';
import { latency } from './cases/latency.mjs';
import { manyModels } from './cases/many-models.mjs';
import { mobilenetAllCores, mobilenetOneLane } from './cases/mobilenet-throughput.mjs';
import { pictures } from './cases/pictures.mjs';
import { quantization } from './cases/quantization.mjs';
import { rewriting } from './cases/quantization-rewriting.mjs';
import { reload } from './cases/reload.mjs';
import { simple } from './cases/simple.mjs';
import { Context } from './context.mjs';
import { readOptions, USAGE } from './options.mjs';
import { judge } from './report/figures.mjs';
import { keep, publish, publishQuantization } from './report/publish.mjs';
import { caseSection, isDisturbed } from './report/tables.mjs';
import { describeMachine } from './system/machine.mjs';
import { Peer } from './system/server.mjs';

// The server, its clients and the bare work each in processes of their own, side by side in one run.
// Bounds are reported, never asserted: the exit code says whether everything ran.

/** @type {readonly import('./context.mjs').Case[]} */
const CASES = [
  simple,
  latency,
  mobilenetOneLane,
  mobilenetAllCores,
  pictures,
  reload,
  artifacts,
  manyModels,
  ...quantization,
  rewriting,
];

const options = readOptions(process.argv.slice(2), process.env);
if (options.help || options.list) {
  console.log(
    options.help ? USAGE : CASES.map(({ name, title }) => `${name.padEnd(28)} ${title}`).join('\n'),
  );
} else {
  await main();
}

async function main() {
  const { only, pace, builds, shared, packages, root } = options;
  const unknown = only.filter((name) => !CASES.some((candidate) => isNamed(candidate, name)));
  if (unknown.length > 0) throw new Error(`no case ${unknown.join(', ')}; --list tells which there are`);

  const chosen = CASES.filter(
    (candidate) => only.length === 0 || only.some((name) => isNamed(candidate, name)),
  );
  const peer = new Peer({ shared, home: options.peers });
  const date = new Date().toISOString();
  const cases = [];
  for (const candidate of chosen) {
    const context = new Context({ pace, builds, peer, shared, packages, root });
    const interrupted = () => context.close().finally(() => process.exit(1));
    process.once('SIGTERM', interrupted).once('SIGINT', interrupted);
    const report = await runCase(candidate, context);
    process.off('SIGTERM', interrupted).off('SIGINT', interrupted);
    console.log(`${caseSection(report)}\n`);
    cases.push(report);
  }
  const report = { date, machine: describeMachine(), pace, cases };
  const failed = cases.some((candidate) => candidate.failed !== null);
  console.log(`results: ${await keepOrPublish(report, failed, chosen)}`);
  if (failed) process.exitCode = 1;
}

/** @param {import('./context.mjs').Case} candidate @param {string} name as `--only` has it */
function isNamed(candidate, name) {
  return candidate.name === name || candidate.name.startsWith(`${name}-`);
}

/**
 * What all cases found goes into docs/performance.md, and what those on quantization found into
 * docs/quantization.md, when none of them is missing.
 * @param {import('./report/figures.mjs').Report} report
 * @param {boolean} failed
 * @param {readonly import('./context.mjs').Case[]} chosen
 * @returns {Promise<string>} where the results lie
 */
async function keepOrPublish(report, failed, chosen) {
  const { root } = options;
  const complete = chosen.length === CASES.length;
  const ofQuantization = quantization.every((candidate) => chosen.includes(candidate));
  if (!options.publishable || failed || !(complete || ofQuantization)) return keep(report, root);
  if (report.cases.some(isDisturbed) && !options.publish) {
    console.log('not published, for the machine was busy; --publish does it');
    return keep(report, root);
  }
  await publishQuantization(report, root);
  return complete ? publish(report, root) : keep(report, root);
}

/**
 * @param {import('./context.mjs').Case} candidate
 * @param {Context} context
 * @returns {Promise<import('./report/figures.mjs').CaseReport>}
 */
async function runCase({ name, title, run }, context) {
  const empty = {
    name,
    title,
    skipped: null,
    failed: null,
    bounds: [],
    subjects: [],
    otherCores: 0,
    quantized: null,
  };
  try {
    const result = await run(context);
    if (typeof result === 'string') return { ...empty, skipped: result };
    const { bounds, slices, otherCores = 0, quantized = null } = result;
    return {
      ...empty,
      bounds: bounds.map(judge),
      subjects: [...slices].map(([subject, rounds]) => ({ subject, rounds })),
      otherCores,
      quantized,
    };
  } catch (error) {
    return { ...empty, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await context.close();
  }
}
