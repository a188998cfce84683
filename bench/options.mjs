import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Many short slices: what a shared machine does to one of them, its neighbour most likely meets as well. */
const FULL = { rounds: 5, seconds: 2, warmSeconds: 0.7 };
const QUICK = { rounds: 2, seconds: 1, warmSeconds: 0.5 };

export const USAGE = `npm run bench -- [flags]

  --only NAME             only this case, or those that begin so: quantization; may be given several times
  --quick                 few and short rounds, to see whether it runs; the results are not published
  --rounds N              rounds of each case
  --seconds N             of each figure of a round
  --compare DIR           a second build (a copy of dist) side by side; may be given several times
  --compare-node-flags=F  flags of node for the builds of --compare, separated by spaces
  --node-flags=F          flags of node for this build
  --publish               publish a full run although other programs were busy meanwhile
  --list                  the cases

NAIAD_SHARED  folder with data/imagenet/mobilenet_v2.onnx and peers/ (default: ../shared)
PEERS         folder of an installed Triton (default: /tmp/peers)
BENCH_MODELS  folder with nets from npm, see docs/performance.md (default: /tmp/bench-models)`;

/**
 * Reads the command line. Throws a TypeError for what it does not know.
 * @param {readonly string[]} argv
 * @param {NodeJS.ProcessEnv} env
 */
export function readOptions(argv, env) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      compare: { type: 'string', multiple: true, default: [] },
      'compare-node-flags': { type: 'string', default: '' },
      'node-flags': { type: 'string', default: '' },
      publish: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const pace = values.quick ? QUICK : FULL;
  const rounds = positive('rounds', values.rounds, pace.rounds);
  const seconds = positive('seconds', values.seconds, pace.seconds);
  const own = { name: 'Naiad', main: resolve(ROOT, 'dist/main.js'), nodeFlags: words(values['node-flags']) };
  const others = values.compare.map((folder) => ({
    name: `Naiad of ${folder}`,
    main: resolve(folder, 'main.js'),
    nodeFlags: words(values['compare-node-flags']),
  }));
  return {
    root: ROOT,
    shared: resolve(env.NAIAD_SHARED ?? resolve(ROOT, '../shared')),
    peers: env.PEERS ?? '/tmp/peers',
    packages: resolve(env.BENCH_MODELS ?? '/tmp/bench-models', 'node_modules'),
    only: values.only,
    publish: values.publish,
    list: values.list,
    help: values.help,
    pace: { ...pace, rounds, seconds },
    builds: [own, ...others],
    /** Only rounds of the full length, of this build alone, say what the documentation may say. */
    publishable: !values.quick && others.length === 0 && rounds >= FULL.rounds && seconds >= FULL.seconds,
  };
}

/** @param {string} name @param {string | undefined} text @param {number} fallback */
function positive(name, text, fallback) {
  const value = text === undefined ? fallback : Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new TypeError(`--${name} must be a whole number from 1`);
  return value;
}

/** @param {string} text */
function words(text) {
  return text.split(' ').filter((word) => word !== '');
}
