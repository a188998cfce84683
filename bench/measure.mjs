import { Child } from './system/child.mjs';
import { cpuSeconds, machineCpuSeconds, residentMib } from './system/proc.mjs';
import { median } from './system/statistics.mjs';

/**
 * @typedef {object} Reading since `reset`; milliseconds
 * @property {number} answers
 * @property {number} p50
 * @property {number} p99
 * @property {number} mean
 *
 * @typedef {object} Subject something that can be kept busy and measured
 * @property {string} name
 * @property {number} pid whose processor time and memory count
 * @property {number | null} clientPid
 * @property {number} rows of work in one answer
 * @property {() => Promise<unknown>} start
 * @property {() => Promise<unknown>} reset
 * @property {() => Promise<Reading>} read
 * @property {() => Promise<unknown>} stop
 *
 * @typedef {object} Slice one subject during one stretch of time
 * @property {number} perSecond rows
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} meanMs
 * @property {number} cpuMs processor time of the subject for one row
 * @property {number} clientCpuMs of the client for one row; 0 without one
 * @property {number} rssMib
 * @property {number} otherCores cores that neither of the two kept busy
 *
 * @typedef {object} Pace
 * @property {number} rounds
 * @property {number} seconds of one slice
 * @property {number} warmSeconds before each slice, not counted
 *
 * @typedef {Map<string, Slice[]>} Slices by the subject's name, one for each round
 */

const pause = (/** @type {number} */ seconds) =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Measures all subjects in each round, one after the other, every other round in the opposite order: what
 * the machine does meanwhile meets all of them alike, and figures of one round can be compared.
 * @param {readonly Subject[]} subjects
 * @param {Pace} pace
 * @returns {Promise<Slices>}
 */
export async function measureInTurn(subjects, pace) {
  /** @type {Slices} */
  const slices = new Map(subjects.map(({ name }) => [name, []]));
  // Not counted: the first second of a JavaScript program is spent on compiling it.
  for (const subject of subjects) await measure(subject, pace);
  for (let round = 0; round < pace.rounds; round++) {
    const order = round % 2 === 0 ? subjects : [...subjects].reverse();
    for (const subject of order) {
      slices.get(subject.name)?.push(await measure(subject, pace));
    }
  }
  return slices;
}

/** @param {Subject} subject @param {Pace} pace @returns {Promise<Slice>} */
async function measure(subject, { seconds, warmSeconds }) {
  const { pid, clientPid, rows } = subject;
  await subject.start();
  await pause(warmSeconds);
  await subject.reset();
  const before = usage(pid, clientPid);
  await pause(seconds);
  const { answers, p50, p99, mean } = await subject.read();
  const after = usage(pid, clientPid);
  const rssMib = residentMib(pid);
  await subject.stop();
  const elapsed = after.at - before.at;
  const done = answers * rows;
  const own = after.own - before.own;
  const client = after.client - before.client;
  return {
    perSecond: done / elapsed,
    p50Ms: p50,
    p99Ms: p99,
    meanMs: mean,
    cpuMs: (own / done) * 1000,
    clientCpuMs: (client / done) * 1000,
    rssMib,
    otherCores: Math.max(0, (after.machine - before.machine - own - client) / elapsed),
  };
}

/** @param {number} pid @param {number | null} clientPid */
function usage(pid, clientPid) {
  return {
    at: performance.now() / 1000,
    own: cpuSeconds(pid),
    client: clientPid === null ? 0 : cpuSeconds(clientPid),
    machine: machineCpuSeconds(),
  };
}

/**
 * A server under a closed loop of requests.
 * @param {{
 *   server: { name: string, pid: number, grpcPort: number },
 *   client: Child,
 *   connections: number,
 *   outstanding: number,
 *   messages: readonly Buffer[],
 *   name?: string,
 * }} options
 * @returns {Subject}
 */
export function served({ server, client, connections, outstanding, messages, name = server.name }) {
  const encoded = messages.map((message) => message.toString('base64'));
  return {
    name,
    pid: server.pid,
    clientPid: client.pid,
    rows: 1,
    start: () =>
      client.ask({ kind: 'start', port: server.grpcPort, connections, outstanding, messages: encoded }),
    reset: () => client.ask({ kind: 'reset' }),
    read: () => client.ask({ kind: 'read' }),
    stop: () => client.ask({ kind: 'stop' }),
  };
}

/**
 * The bare work in threads of a process of its own.
 * @param {{
 *   name: string,
 *   work: 'infer' | 'decode',
 *   threads: number,
 *   rows: number,
 *   options: unknown,
 *   cores: string | null,
 * }} options
 * @returns {Promise<Subject & { close: () => Promise<void> }>}
 */
export async function bare({ name, work, threads, rows, options, cores }) {
  const child = new Child(new URL('./bare/main.mjs', import.meta.url), cores);
  await child.ask({ kind: 'load', work, threads, options });
  return {
    name,
    pid: child.pid,
    clientPid: null,
    rows,
    start: () => child.ask({ kind: 'run' }),
    reset: () => child.ask({ kind: 'reset' }),
    read: () => child.ask({ kind: 'read' }),
    stop: () => child.ask({ kind: 'pause' }),
    close: () => child.stop(),
  };
}

/**
 * One number for each round, from what two subjects did in it.
 * @param {Slices} slices
 * @param {string} a
 * @param {string} b
 * @param {(a: Slice, b: Slice) => number} combine
 */
export function perRound(slices, a, b, combine) {
  const others = slices.get(b) ?? [];
  return (slices.get(a) ?? []).flatMap((slice, round) => {
    const other = others[round];
    return other === undefined ? [] : [combine(slice, other)];
  });
}

/** @param {readonly number[]} values */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
