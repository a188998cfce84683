import { type Answer, isObject, type Json, type JsonObject, type Norm, type Step } from './recording.js';
import { modelObstacle } from './skipped.js';

/** RPCs whose texts may tell more than Triton's do. */
const TELLING = new Set(['RepositoryModelLoad', 'RepositoryModelUnload', 'RepositoryIndex']);

/**
 * Whether an answer is the recorded one: numbers within 1e-4, long tensors by their beginning, and texts
 * about models that could not be loaded by theirs, behind which this server tells more.
 * @param got with the path of the repository as `<REPO>`
 */
export function agreesWith(step: Step, expected: Answer, got: Answer): boolean {
  if (step.parallel !== undefined) {
    return step.parallel.every((part, index) =>
      agreesWith(part, expected.results?.[index] ?? {}, got.results?.[index] ?? {}),
    );
  }
  const [recorded, ours] = [normalise(expected, step.norm), normalise(got, step.norm)];
  if (TELLING.has(step.grpc ?? '')) {
    settle(recorded, ours, 'message');
    const models = (recorded.response as JsonObject | undefined)?.models;
    const ourModels = (ours.response as JsonObject | undefined)?.models;
    if (Array.isArray(models) && Array.isArray(ourModels)) {
      models.forEach((model, index) => {
        settle(model as JsonObject, ourModels[index] as JsonObject | undefined, 'reason');
      });
    }
  }
  return agrees(recorded, ours);
}

/** Takes the recorded text over where ours only tells more. */
function settle(recorded: JsonObject, ours: JsonObject | undefined, key: string): void {
  const [expected, got] = [recorded[key], ours?.[key]];
  if (typeof expected !== 'string' || typeof got !== 'string' || expected === '') return;
  if (ours !== undefined && tells(expected, got)) ours[key] = expected;
}

/** Whether a text is the recorded one or that one and more behind it; a path of its own where `<TEMP>` is. */
export function tells(expected: string, got: string): boolean {
  const pattern = (text: string): string =>
    text
      .split('<TEMP>')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('/\\S+');
  const told = expected.replace(/;?\n$/, '');
  const end = expected.slice(told.length);
  // What follows is in brackets, or behind a colon or semicolon; the end of the text stays what it is.
  return new RegExp(`^${pattern(told)}(?:(?:: |; | \\()[^]*)?${pattern(end)}$`).test(got);
}

export function agrees(expected: Json | undefined, got: Json | undefined): boolean {
  if (typeof expected === 'number' && typeof got === 'number') {
    return expected === got || Math.abs(expected - got) <= 1e-4 * Math.max(Math.abs(expected), Math.abs(got));
  }
  if (Array.isArray(expected) && Array.isArray(got)) {
    return expected.length === got.length && expected.every((value, i) => agrees(value, got[i]));
  }
  if (isObject(expected) && isObject(got)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
    // The hash of numbers that are not whole depends on how they are written.
    if ('count' in expected && 'sha256' in expected && !('sha256' in got)) keys.delete('sha256');
    return [...keys].every((key) => agrees(expected[key], got[key]));
  }
  return expected === got;
}

/** Without what two servers can't agree on, and without the order that was not recorded. */
export function normalise(answer: Answer, norm: Norm = {}): JsonObject {
  const copy = structuredClone(answer) as JsonObject;
  if (isObject(copy.json)) {
    normaliseServer(copy.json);
    if (Array.isArray(copy.json.model_stats)) copy.json.model_stats.forEach(normaliseTimes);
  } else if (Array.isArray(copy.json)) copy.json = models(copy.json as JsonObject[], norm);
  if (!isObject(copy.response)) return copy;
  const { response } = copy;
  normaliseServer(response);
  delete response.properties;
  dropAbsent(response);
  if (Array.isArray(response.models)) response.models = models(response.models as JsonObject[], norm);
  if (Array.isArray(response.model_stats)) response.model_stats.forEach(normaliseTimes);
  const holder = (response.config ?? response) as JsonObject;
  if (norm.sort_io === true) {
    for (const key of ['input', 'output', 'inputs', 'outputs']) {
      if (Array.isArray(holder[key])) {
        (holder[key] as JsonObject[]).sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
      }
    }
  }
  // proto-loader garbles the keys of maps whose keys are 64-bit integers.
  const batching = holder.dynamic_batching;
  if (isObject(batching) && isObject(batching.priority_queue_policy)) {
    batching.priority_queue_policy = Object.values(batching.priority_queue_policy);
  }
  // The number of instances is this server's own choice where the configuration leaves it open.
  for (const group of (holder.instance_group ?? []) as JsonObject[]) group.count = 0;
  return copy;
}

function normaliseServer(metadata: JsonObject): void {
  if (typeof metadata.version !== 'string' || !('extensions' in metadata)) return;
  metadata.version = '<VERSION>';
  metadata.extensions = [];
}

function models(index: JsonObject[], { only }: Norm): JsonObject[] {
  return index
    .filter(({ name }) => only === undefined || only.includes(String(name)))
    .filter(({ name }) => modelObstacle(String(name)) === null)
    .sort((a, b) =>
      a.name === b.name ? Number(a.version) - Number(b.version) : String(a.name) < String(b.name) ? -1 : 1,
    );
}

/** Times of statistics: something or nothing. */
function normaliseTimes(value: Json): void {
  if (!isObject(value)) return;
  delete value.memory_usage;
  for (const [key, member] of Object.entries(value)) {
    if (key === 'ns' || key === 'last_inference') {
      value[key] = String(member) === '0' ? '0' : '>0';
    } else if (Array.isArray(member)) member.forEach(normaliseTimes);
    else normaliseTimes(member);
  }
}

/** Removes what proto-loader adds for sub-messages that are not there. */
function dropAbsent(message: JsonObject): void {
  for (const [key, value] of Object.entries(message)) {
    if (value === null) delete message[key];
    else if (Array.isArray(value)) for (const item of value) dropIfObject(item);
    else dropIfObject(value);
  }
}

function dropIfObject(value: Json): void {
  if (isObject(value)) dropAbsent(value);
}
