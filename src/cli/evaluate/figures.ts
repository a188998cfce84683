/** What a model said of an item: classes by their indexes. */
export interface Answer {
  readonly truth: number;
  readonly predicted: number;
  /** Place of the truth among all classes, 0 = it is the prediction; null where the model names one class only. */
  readonly rank: number | null;
}

export interface ClassFigures {
  readonly index: number;
  /** Items that are of the class. */
  readonly count: number;
  /** Of the items that were said to be of it, those that are; null where none was. */
  readonly precision: number | null;
  /** Of the items that are of it, those that were found; null where there is none. */
  readonly recall: number | null;
  readonly f1: number;
}

/** Items of one class that were said to be of another. */
export interface Confusion {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
}

export interface Figures {
  readonly count: number;
  readonly right: number;
  readonly accuracy: number;
  /** Bounds within which the accuracy on all data of the kind lies, at 95 % (Wilson). */
  readonly interval: readonly [low: number, high: number];
  /** Items whose class is among the five that the model likes best; null where it has no more than that. */
  readonly top5: number | null;
  /** Those that occur, by index. */
  readonly classes: readonly ClassFigures[];
  /** Right ones included, by truth and prediction. */
  readonly confusion: readonly Confusion[];
}

/** Sums up answers, at least one. `classCount` = classes that the model can tell; 0 = not known. */
export function figuresOf(answers: readonly Answer[], classCount: number): Figures {
  const count = answers.length;
  const pairs = new Map<string, { truth: number; predicted: number; count: number }>();
  for (const { truth, predicted } of answers) {
    const key = `${truth},${predicted}`;
    const pair = pairs.get(key) ?? { truth, predicted, count: 0 };
    pair.count++;
    pairs.set(key, pair);
  }
  const confusion = [...pairs.values()].sort((a, b) => a.truth - b.truth || a.predicted - b.predicted);
  const right = confusion.reduce((sum, pair) => sum + (pair.truth === pair.predicted ? pair.count : 0), 0);
  return {
    count,
    right,
    accuracy: right / count,
    interval: wilson(right, count),
    top5: classCount > 5 ? topShare(answers, 5) : null,
    classes: classFigures(confusion),
    confusion,
  };
}

/** How the answers of two models to the same items differ. */
export interface Difference {
  /** Accuracy of the one minus that of the other. */
  readonly accuracy: number;
  /** Items of which both say the same, as a part of all. */
  readonly agreement: number;
  /** Items that the other has right and the one has not, and the other way round. */
  readonly lost: number;
  readonly gained: number;
  /**
   * How likely so uneven a split of those items is where both models are equally good (McNemar's exact test,
   * two-sided): a large one means that the difference says nothing.
   */
  readonly chance: number;
}

/** Both have the same items in the same order, at least one. */
export function differenceOf(one: readonly Answer[], other: readonly Answer[]): Difference {
  let same = 0;
  let lost = 0;
  let gained = 0;
  for (const [index, { truth, predicted }] of one.entries()) {
    const theirs = other[index]?.predicted;
    if (predicted === theirs) same++;
    else if (theirs === truth) lost++;
    else if (predicted === truth) gained++;
  }
  return {
    accuracy: (gained - lost) / one.length,
    agreement: same / one.length,
    lost,
    gained,
    chance: signTest(lost, gained),
  };
}

/** Two-sided: twice the smaller tail of a fair coin that was tossed `a + b` times. */
export function signTest(a: number, b: number): number {
  const tosses = a + b;
  // log(binomial coefficient) - tosses * log(2), step by step.
  let term = -tosses * Math.LN2;
  let sum = 0;
  for (let heads = 0; heads <= Math.min(a, b); heads++) {
    if (heads > 0) term += Math.log((tosses - heads + 1) / heads);
    sum += Math.exp(term);
  }
  return Math.min(1, 2 * sum);
}

/** Wilson's interval at 95 %. */
export function wilson(right: number, count: number): [number, number] {
  const z = 1.959964;
  const share = right / count;
  const spread = z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  const middle = share + (z * z) / (2 * count);
  const scale = 1 + (z * z) / count;
  return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}

/** Place of a class among scores, best first; half of those that are equal come before it. */
export function rankOf(scores: ArrayLike<number>, index: number): number {
  const own = scores[index];
  if (own === undefined || Number.isNaN(own)) return scores.length;
  let better = 0;
  let equal = 0;
  for (let other = 0; other < scores.length; other++) {
    const score = scores[other] as number;
    if (score > own) better++;
    else if (score === own && other !== index) equal++;
  }
  return better + Math.floor(equal / 2);
}

/** The first of the greatest; NaN is never the greatest. */
export function bestOf(scores: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < scores.length; index++) {
    const score = scores[index] as number;
    if (score > (scores[best] as number) || Number.isNaN(scores[best])) best = index;
  }
  return best;
}

function topShare(answers: readonly Answer[], places: number): number | null {
  if (answers.some(({ rank }) => rank === null)) return null;
  return answers.filter(({ rank }) => rank !== null && rank < places).length / answers.length;
}

function classFigures(confusion: readonly Confusion[]): ClassFigures[] {
  const tallies = new Map<number, { count: number; said: number; found: number }>();
  const tally = (index: number): { count: number; said: number; found: number } => {
    const known = tallies.get(index) ?? { count: 0, said: 0, found: 0 };
    tallies.set(index, known);
    return known;
  };
  for (const { truth, predicted, count } of confusion) {
    tally(truth).count += count;
    tally(predicted).said += count;
    if (truth === predicted) tally(truth).found += count;
  }
  return [...tallies]
    .sort(([a], [b]) => a - b)
    .map(([index, { count, said, found }]) => ({
      index,
      count,
      precision: said === 0 ? null : found / said,
      recall: count === 0 ? null : found / count,
      f1: (2 * found) / (count + said),
    }));
}
