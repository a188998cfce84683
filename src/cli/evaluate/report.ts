import { formatTable } from '../table.js';
import type { FailedItem } from './ask-all.js';
import type { ClassNames } from './classes.js';
import type { Difference, Figures } from './figures.js';

/** What came of one model. */
export interface Evaluated {
  readonly name: string;
  readonly figures: Figures;
}

/** All that an evaluation tells. */
export interface Evaluation {
  readonly data: string;
  readonly names: ClassNames;
  readonly subject: Evaluated;
  readonly reference: Evaluated | null;
  /** Of the subject to the reference. */
  readonly difference: Difference | null;
  readonly failed: readonly FailedItem[];
  readonly seconds: number;
}

/** As JSON for programs. */
export function toJson(evaluation: Evaluation): object {
  const { data, subject, reference, difference, failed, seconds, names } = evaluation;
  return {
    data,
    ...modelJson(subject, names),
    compared: reference === null ? null : modelJson(reference, names),
    difference,
    failed,
    seconds: Math.round(seconds * 1000) / 1000,
  };
}

function modelJson({ name, figures }: Evaluated, names: ClassNames): object {
  return {
    model: name,
    items: figures.count,
    right: figures.right,
    accuracy: figures.accuracy,
    accuracy_interval: figures.interval,
    top5_accuracy: figures.top5,
    classes: figures.classes.map((each) => ({ label: names.nameOf(each.index), ...each })),
    confusion: figures.confusion.map(({ truth, predicted, count }) => ({
      label: names.nameOf(truth),
      predicted: names.nameOf(predicted),
      count,
    })),
  };
}

/** A confusion matrix beyond this is no table any more: the most frequent mistakes are listed. */
const MATRIX_CLASSES_MAX = 16;
const MISTAKES_SHOWN = 20;
const FAILED_SHOWN = 10;

/** For people. */
export function formatEvaluation(evaluation: Evaluation, columns: number): string {
  const { subject, reference, difference, failed, names, seconds } = evaluation;
  const { figures } = subject;
  const rate = Math.round(figures.count / Math.max(seconds, 0.001));
  const parts = [
    summary(subject, reference),
    classTable(subject, reference, names, columns),
    figures.classes.length <= MATRIX_CLASSES_MAX
      ? `Rows are the true classes, columns what ${subject.name} says:\n${matrix(figures, names)}`
      : mistakes(figures, names, columns),
    ...(difference === null || reference === null ? [] : [differenceText(difference, subject, reference)]),
    `${itemsText(figures.count)} in ${seconds.toFixed(1)} s, ${rate} per second\n`,
    ...(failed.length === 0 ? [] : [failures(failed)]),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** `1 item`, `2 items`. */
export function itemsText(count: number): string {
  return `${count} item${count === 1 ? '' : 's'}`;
}

function summary(subject: Evaluated, reference: Evaluated | null): string {
  const models = reference === null ? [subject] : [subject, reference];
  const rows = models.map(({ name, figures: { accuracy, interval, top5, right, count } }) => [
    name,
    String(count),
    String(right),
    percent(accuracy),
    `${percent(interval[0])} to ${percent(interval[1])}`,
    ...(top5 === null ? [] : [percent(top5)]),
  ]);
  const hasTop5 = models.every(({ figures }) => figures.top5 !== null);
  return formatTable(
    ['Model', 'Items', 'Right', 'Accuracy', '95 % interval', ...(hasTop5 ? ['Among the best 5'] : [])],
    hasTop5 ? rows : rows.map((row) => row.slice(0, 5)),
  );
}

function classTable(
  { figures }: Evaluated,
  reference: Evaluated | null,
  names: ClassNames,
  columns: number,
): string {
  const others = new Map(reference?.figures.classes.map((each) => [each.index, each]));
  const rows = figures.classes.map(({ index, count, precision, recall, f1 }) => {
    const other = others.get(index)?.recall;
    return [
      names.nameOf(index),
      String(count),
      share(precision),
      share(recall),
      percent(f1),
      ...(reference === null ? [] : [recall === null || other == null ? '-' : points(recall - other)]),
    ];
  });
  const head = ['Class', 'Items', 'Precision', 'Recall', 'F1'];
  return formatTable(reference === null ? head : [...head, 'Recall, difference'], rows, columns);
}

function matrix({ classes, confusion }: Figures, names: ClassNames): string {
  const counts = new Map(confusion.map(({ truth, predicted, count }) => [`${truth},${predicted}`, count]));
  const indexes = classes.map(({ index }) => index);
  const rows = indexes.map((truth) => [
    `${truth} ${names.nameOf(truth)}`,
    ...indexes.map((predicted) => String(counts.get(`${truth},${predicted}`) ?? '.')),
  ]);
  return formatTable(['', ...indexes.map(String)], rows);
}

function mistakes({ confusion }: Figures, names: ClassNames, columns: number): string {
  const wrong = confusion
    .filter(({ truth, predicted }) => truth !== predicted)
    .sort((a, b) => b.count - a.count)
    .slice(0, MISTAKES_SHOWN);
  if (wrong.length === 0) return '';
  const rows = wrong.map(({ truth, predicted, count }) => [
    String(count),
    names.nameOf(truth),
    names.nameOf(predicted),
  ]);
  return `Most frequent mistakes:\n${formatTable(['Items', 'Class', 'Taken for'], rows, columns)}`;
}

function differenceText(difference: Difference, subject: Evaluated, reference: Evaluated): string {
  const { accuracy, agreement, lost, gained, chance } = difference;
  const odds = chance >= 0.0001 ? String(Number(chance.toPrecision(2))) : 'less than 0.0001';
  return [
    `${subject.name} against ${reference.name}: accuracy ${points(accuracy)}, the same class for ${percent(agreement)} of the items.`,
    `${lost} that ${reference.name} has right are wrong, ${gained} that it has wrong are right; equally good models differ so by chance with a probability of ${odds}.`,
    '',
  ].join('\n');
}

function failures(failed: readonly FailedItem[]): string {
  const shown = failed.slice(0, FAILED_SHOWN).map(({ path, reason }) => `  ${path}: ${reason}\n`);
  const more = failed.length > shown.length ? `  and ${failed.length - shown.length} more\n` : '';
  const verb = failed.length === 1 ? 'is' : 'are';
  return `${itemsText(failed.length)} could not be asked and ${verb} left out:\n${shown.join('')}${more}`;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(2)} %`;
}

function share(value: number | null): string {
  return value === null ? '-' : percent(value);
}

/** A difference of percentages. */
function points(value: number): string {
  const text = (100 * value).toFixed(2);
  return `${value > 0 ? '+' : ''}${text} points`;
}
