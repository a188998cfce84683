/**
 * Quantizes the net of this folder in every mode and holds the results against the labelled test pictures:
 *
 *     node compare-modes.mjs DATASET [--limit=N] [--modes=int8,nf4/dense2]
 *
 * `nf4/dense2` is a mode and a layer that is excluded.
 * DATASET is the folder with the four files train-images-idx3-ubyte.gz and so on. Prints the table of
 * docs/quantization.md and exits with 1 when a mode loses more accuracy than it may. The last line is the same
 * net quantized by a running server, from its configuration.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const HERE = import.meta.dirname;
const NAIAD = resolve(HERE, '../../dist/main.js');
const REPOSITORY = join(HERE, 'repository');
const MODEL = join(REPOSITORY, 'fashion_mnist/1/model.onnx');
const CONFIG = join(REPOSITORY, 'fashion_mnist/config.pbtxt');

/** What a mode may lose of the accuracy, in parts of one; the last layer bears four bits badly. */
const DROP_MAX = {
  int8: 0.005,
  'int8-dynamic': 0.005,
  'int8-weight': 0.005,
  'int4-weight': 0.02,
  nf4: 0.02,
  'nf4/dense2': 0.005,
  fp4: 0.05,
  'fp4/dense2': 0.015,
  fp16: 0.001,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string' },
    modes: { type: 'string', default: Object.keys(DROP_MAX).join(',') },
  },
});
const [dataset = ''] = positionals;
if (dataset === '') throw new Error('node compare-modes.mjs DATASET [--limit=N] [--modes=int8,nf4/dense2]');

const scratch = mkdtempSync(join(tmpdir(), 'fashion-mnist-'));
const pictures = join(scratch, 'test');
const samples = join(scratch, 'samples');
const limit = values.limit === undefined ? [] : [`--limit=${values.limit}`];

/** What a program writes; fails with what it says of that when it ends with anything but 0. */
async function run(...argv) {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${argv.slice(1, 4).join(' ')} ended with ${code}: ${err}${out}`);
  return out;
}

async function quantized(choice) {
  const [mode, excluded] = choice.split('/');
  const out = join(scratch, choice.replace('/', '-'));
  const bounds = [
    '--min-cosine=0.9',
    '--min-top1-agreement=0.8',
    ...(excluded ? [`--exclude=${excluded}`] : []),
  ];
  await run(NAIAD, 'quantize', MODEL, `--mode=${mode}`, `--calibrate=${samples}`, `--out=${out}`, ...bounds);
  const options = [`--data=${pictures}`, `--config=${CONFIG}`, `--compare=${MODEL}`, '--json', ...limit];
  const evaluation = JSON.parse(await run(NAIAD, 'evaluate', join(out, 'model.onnx'), ...options));
  const { report } = JSON.parse(
    await run('-p', `fs.readFileSync(${JSON.stringify(join(out, 'report.json'))}, 'utf8')`),
  );
  return { evaluation, report };
}

/** The net with `quantization.*` in its configuration, on a server of its own. */
async function served(mode) {
  const repository = join(scratch, 'repository');
  cpSync(REPOSITORY, repository, { recursive: true });
  const settings = {
    mode,
    calibration: samples,
    min_cosine: '0.9',
    min_top1_agreement: '0.8',
    on_failure: 'fail',
  };
  for (const [key, value] of Object.entries(settings)) {
    const parameter = `parameters { key: "quantization.${key}" value { string_value: "${value}" } }\n`;
    appendFileSync(join(repository, 'fashion_mnist/config.pbtxt'), parameter);
  }
  const ports = ['--grpc-port=0', '--allow-http=false', '--allow-metrics=false', '--grpc-address=127.0.0.1'];
  const places = [`--model-repository=${repository}`, `--artifact-cache=${join(scratch, 'cache')}`];
  const child = spawn(
    process.execPath,
    [NAIAD, 'serve', ...ports, ...places, '--exit-on-error', '--log-format=json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  try {
    const port = await grpcPort(child);
    const options = [
      `--url=127.0.0.1:${port}`,
      `--data=${pictures}`,
      `--compare=${MODEL}`,
      `--config=${CONFIG}`,
    ];
    return JSON.parse(await run(NAIAD, 'evaluate', 'fashion_mnist', ...options, '--json', ...limit));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

async function grpcPort(child) {
  let rest = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    rest += chunk;
    const port = /"grpcPort":(\d+)/.exec(rest)?.[1];
    if (port !== undefined) {
      child.stdout.resume();
      return port;
    }
  }
  throw new Error(`the server ended early: ${rest}`);
}

const percent = (share) => `${(100 * share).toFixed(2)} %`;
const points = (share) => `${share > 0 ? '+' : ''}${(100 * share).toFixed(2)}`;
const print = (...cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

let failures = 0;
function judge(mode, drop) {
  if (drop <= DROP_MAX[mode]) return;
  failures++;
  process.stderr.write(`${mode} loses ${percent(drop)} of accuracy, more than ${percent(DROP_MAX[mode])}\n`);
}

try {
  await run(join(HERE, 'unpack.mjs'), dataset, pictures);
  await run(join(HERE, 'unpack.mjs'), dataset, samples, '--part=train', '--every=469');
  print('mode', 'size', 'accuracy', 'points', 'same class', 'lost / gained', 'chance', 'cosine', 'kernels');
  process.stdout.write('|---|---|---|---|---|---|---|---|---|\n');
  let isFirst = true;
  for (const choice of values.modes.split(',')) {
    const { evaluation, report } = await quantized(choice);
    const { accuracy, compared, difference } = evaluation;
    if (isFirst)
      print(
        'fp32',
        `${Math.round(report.bytes.original / 1000)} kB`,
        percent(compared.accuracy),
        '',
        '',
        '',
        '',
        '',
        '',
      );
    isFirst = false;
    const { lost, gained, chance } = difference;
    const kernels = Object.entries(report.kernels)
      .filter(([name]) => /QLinear|QGemm|NBits|Bnb4|DynamicQuantizeMatMul|MatMulInteger/.test(name))
      .map(([name, count]) => `${count} ${name.replace(/^.*:/, '')}`);
    print(
      `\`${choice.replace('/', '` without `')}\``,
      `${Math.round(report.bytes.quantized / 1000)} kB`,
      percent(accuracy),
      points(difference.accuracy),
      percent(difference.agreement),
      `${lost} / ${gained}`,
      Number(chance.toPrecision(2)),
      report.outputs[0].cosine.toFixed(5),
      kernels.join(', '),
    );
    judge(choice, -difference.accuracy);
  }
  const { accuracy, difference } = await served('int8');
  const { lost, gained, chance } = difference;
  print(
    '`int8` on a server',
    '',
    percent(accuracy),
    points(difference.accuracy),
    percent(difference.agreement),
    `${lost} / ${gained}`,
    Number(chance.toPrecision(2)),
    '',
    '',
  );
  judge('int8', -difference.accuracy);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
