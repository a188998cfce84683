import { readFile } from 'node:fs/promises';
import { systemClock } from '../../lib/clock.js';
import { toLabels } from '../../repository/labels.js';
import { readEnvironment } from '../../settings/environment.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { readGrpcAddress } from '../address.js';
import { ServerClient } from '../client.js';
import { readFlags } from '../command.js';
import { CommandError, EXIT, UsageError } from '../exit-codes.js';
import type { Source } from '../infer-inputs.js';
import type { Io } from '../io.js';
import { besideVersion, RAW_PICTURES_NOTE } from '../model-file.js';
import { startProgress } from '../progress.js';
import { readSource } from '../read-source.js';
import { askAll } from './ask-all.js';
import { ClassNames, classesOf } from './classes.js';
import { differenceOf, figuresOf } from './figures.js';
import { EVALUATE_FLAGS as FLAGS } from './flags.js';
import { type LabelledItem, type LabelledSet, readLabelledSet, thinned } from './labelled-set.js';
import type { Predictor } from './predictor.js';
import { type Evaluation, formatEvaluation, itemsText, toJson } from './report.js';

/** Items that are tried for the names of the classes. */
const SAMPLES_MAX = 8;

/** Holds a model, or two, against labelled data. */
export async function evaluate(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(FLAGS));
  const [model, ...surplus] = flags.positionals;
  if (model === undefined) throw new UsageError('which model? naiad evaluate MODEL --data DIR');
  if (surplus.length > 0) throw new UsageError(`unexpected argument '${surplus[0]}'`);
  if (!flags.given(FLAGS.data)) {
    throw new UsageError(
      '--data is missing: a folder with a folder for each class, or a CSV of files and labels',
    );
  }
  checkTargets(model, flags);
  const progress = startProgress(io);
  const targets = new Targets(flags);
  try {
    progress.show(`reading ${flags.get(FLAGS.data)}`);
    const set = await readLabelledSet(flags.get(FLAGS.data));
    const items = flags.given(FLAGS.limit) ? thinned(set.items, flags.get(FLAGS.limit)) : set.items;
    const samples = thinned(items, SAMPLES_MAX).map(
      ({ path }) =>
        () =>
          readSource(path),
    );
    await targets.shareConfig([model, flags.get(FLAGS.compare)].filter(isFile));
    const subject = await targets.open(model, flags.get(FLAGS.modelVersion), samples);
    const other = flags.get(FLAGS.compare);
    const reference = other === '' ? null : await targets.openOther(model, other, samples);
    const names = new ClassNames(await classNames(flags, subject));
    const classes = classesOf(set.labels, names);
    const startNs = systemClock.nowNs();
    const predictors = reference === null ? [subject] : [subject, reference];
    const asked = await askAll(predictors, {
      items,
      classes,
      names,
      concurrency: flags.get(FLAGS.concurrency),
      onItem: (done) => progress.show(`${done} of ${items.length} items`),
    });
    progress.end();
    if (targets.takesRawPictures(items)) io.err(RAW_PICTURES_NOTE);
    const [own = [], others] = asked.answers;
    // Files of the same name are told apart by their paths.
    const isAmbiguous = subject.name === reference?.name;
    const nameOf = ({ name }: Predictor, target: string): string =>
      isAmbiguous && isFile(target) ? target : name;
    const evaluation: Evaluation = {
      data: flags.get(FLAGS.data),
      names,
      subject: { name: nameOf(subject, model), figures: figuresOf(own, asked.classCount) },
      reference:
        reference === null || others === undefined
          ? null
          : { name: nameOf(reference, other), figures: figuresOf(others, asked.classCount) },
      difference: others === undefined ? null : differenceOf(own, others),
      failed: asked.failed,
      seconds: (systemClock.nowNs() - startNs) / 1e9,
    };
    tell(evaluation, set, flags, io);
    return verdict(evaluation, flags, io);
  } finally {
    progress.end();
    await targets.close();
  }
}

const isFile = (target: string): boolean => /\.onnx$/i.test(target);

/** Throws {@link UsageError} for flags that don't go with what is evaluated. */
function checkTargets(model: string, flags: ParsedFlags): void {
  const other = flags.get(FLAGS.compare);
  const mistakes: string[] = [];
  if (isFile(model)) {
    if (flags.given(FLAGS.modelVersion)) mistakes.push('--model-version belongs to a model on a server');
    if (other !== '' && !isFile(other)) {
      mistakes.push(`--compare=${other}: expected a .onnx file to compare ${model} with`);
    }
    if (flags.given(FLAGS.url) && (other === '' || isFile(other))) {
      mistakes.push(`--url belongs to a model on a server, ${model} is a file`);
    }
  } else if (!isFile(other)) {
    const stray = [FLAGS.config, FLAGS.image].find((flag) => flags.given(flag));
    if (stray !== undefined) mistakes.push(`--${stray.name} belongs to a .onnx file; a server has its own`);
  }
  if (flags.given(FLAGS.maxDrop) && other === '') mistakes.push('--max-drop needs --compare');
  if (mistakes.length > 0) throw new UsageError(...mistakes);
}

/** Opens models and closes what it has opened. */
class Targets {
  readonly #flags: ParsedFlags;
  readonly #opened: Predictor[] = [];
  #client: ServerClient | null = null;
  #configPath: string;
  #opensFiles = false;

  constructor(flags: ParsedFlags) {
    this.#flags = flags;
    this.#configPath = flags.get(FLAGS.config);
  }

  /** Files that are compared are of one model: the configuration of one of them goes with all. */
  async shareConfig(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      if (this.#configPath === '') this.#configPath = await besideVersion(path);
    }
  }

  takesRawPictures(items: readonly LabelledItem[]): boolean {
    const isTold = this.#configPath !== '' || this.#flags.given(FLAGS.image);
    return this.#opensFiles && !isTold && items.some(({ path }) => !/\.(npy|json)$/i.test(path));
  }

  async open(
    model: string,
    version: string,
    samples: readonly (() => Promise<Source>)[],
  ): Promise<Predictor> {
    const predictor = isFile(model) ? await this.#file(model) : await this.#served(model, version, samples);
    this.#opened.push(predictor);
    return predictor;
  }

  /** A file, or another version of the model. */
  openOther(model: string, other: string, samples: readonly (() => Promise<Source>)[]): Promise<Predictor> {
    return isFile(other) ? this.open(other, '', samples) : this.open(model, other, samples);
  }

  async close(): Promise<void> {
    for (const predictor of this.#opened) await predictor.close();
    this.#client?.close();
  }

  async #file(path: string): Promise<Predictor> {
    this.#opensFiles = true;
    const { openFile } = await import('./file-predictor.js');
    return openFile({
      path,
      configPath: this.#configPath,
      imageSettings: this.#flags.all(FLAGS.image),
      output: this.#flags.get(FLAGS.output),
      threads: readEnvironment().cores,
    });
  }

  async #served(
    model: string,
    version: string,
    samples: readonly (() => Promise<Source>)[],
  ): Promise<Predictor> {
    const { openServed } = await import('./server-predictor.js');
    this.#client ??= new ServerClient(
      readGrpcAddress(this.#flags.get(FLAGS.url)),
      this.#flags.get(FLAGS.timeout),
    );
    return openServed({
      client: this.#client,
      model,
      version,
      output: this.#flags.get(FLAGS.output),
      samples,
    });
  }
}

async function classNames(flags: ParsedFlags, subject: Predictor): Promise<readonly string[]> {
  const path = flags.get(FLAGS.labels);
  if (path === '') return subject.classNames;
  try {
    return toLabels(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CommandError(`can't read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function tell(evaluation: Evaluation, { ignored }: LabelledSet, flags: ParsedFlags, io: Io): void {
  if (ignored > 0)
    io.err(`${ignored} files of the data are neither pictures nor .npy or .json, and are ignored\n`);
  io.out(
    flags.get(FLAGS.json)
      ? `${JSON.stringify(toJson(evaluation))}\n`
      : formatEvaluation(evaluation, io.columns),
  );
}

/** Failed when an item could not be asked, or a bound is missed. */
function verdict({ subject, difference, failed }: Evaluation, flags: ParsedFlags, io: Io): number {
  const { accuracy } = subject.figures;
  const problems: string[] = [];
  if (failed.length > 0) problems.push(`${itemsText(failed.length)} could not be asked`);
  const least = flags.get(FLAGS.minAccuracy);
  if (accuracy < least) problems.push(`the accuracy ${accuracy.toFixed(4)} is below --min-accuracy=${least}`);
  const drop = -(difference?.accuracy ?? 0);
  const most = flags.get(FLAGS.maxDrop);
  if (flags.given(FLAGS.maxDrop) && drop > most) {
    problems.push(`the accuracy drops by ${drop.toFixed(4)}, more than --max-drop=${most}`);
  }
  for (const problem of problems) io.err(`naiad evaluate: ${problem}\n`);
  return problems.length === 0 ? EXIT.ok : EXIT.failed;
}
