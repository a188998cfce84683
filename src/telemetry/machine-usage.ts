import { readFile } from 'node:fs/promises';
import type { Clock } from '../lib/clock.js';
import { type Family, scalarFamily } from './metric-text.js';

/** How busy the machine is. */
export interface MachineSample {
  /** 0 to 1, since the sample before. */
  readonly utilization: number;
  readonly memoryBytes: number;
  readonly memoryUsedBytes: number;
}

/** Time that all processors have spent, in any unit. */
interface Ticks {
  readonly busy: number;
  readonly idle: number;
}

export interface MachineUsageOptions {
  readonly clock: Clock;
  /** How old a sample may be when it is shown. */
  readonly intervalMs: number;
  /** Text of a file of /proc; rejects where there is none. */
  readonly read?: (path: string) => Promise<string>;
}

/** The processors and the memory of the machine, from /proc as Triton's: measured when asked for, but not more often than the interval says. */
export class MachineUsage {
  readonly #options: Required<MachineUsageOptions>;
  #before: Ticks | null = null;
  #sample: MachineSample | null = null;
  #sampledNs = Number.NEGATIVE_INFINITY;

  constructor({ read = (path) => readFile(path, 'latin1'), ...options }: MachineUsageOptions) {
    this.#options = { read, ...options };
  }

  /** Notes how things stand, so that the first sample is about the time since. */
  async begin(): Promise<void> {
    this.#before = toTicks(await this.#read('/proc/stat'));
  }

  /** Null on systems without /proc. */
  async sample(): Promise<MachineSample | null> {
    const nowNs = this.#options.clock.nowNs();
    if (this.#sample !== null && nowNs - this.#sampledNs < this.#options.intervalMs * 1e6)
      return this.#sample;
    const [stat, memory] = await Promise.all([this.#read('/proc/stat'), this.#read('/proc/meminfo')]);
    const ticks = toTicks(stat);
    const total = kilobytes(memory, 'MemTotal');
    const available = kilobytes(memory, 'MemAvailable');
    if (ticks === null || total === null || available === null) return null;
    this.#sample = {
      utilization: utilization(this.#before ?? { busy: 0, idle: 0 }, ticks) ?? this.#sample?.utilization ?? 0,
      memoryBytes: total * 1024,
      memoryUsedBytes: Math.max(0, total - available) * 1024,
    };
    this.#before = ticks;
    this.#sampledNs = nowNs;
    return this.#sample;
  }

  #read(path: string): Promise<string> {
    return this.#options.read(path).catch(() => '');
  }
}

/** Triton's families of the machine. */
export function machineFamilies({ utilization, memoryBytes, memoryUsedBytes }: MachineSample): Family[] {
  return [
    scalarFamily('nv_cpu_utilization', 'gauge', 'CPU utilization rate [0.0 - 1.0]', utilization),
    scalarFamily('nv_cpu_memory_total_bytes', 'gauge', 'CPU total memory (RAM), in bytes', memoryBytes),
    scalarFamily('nv_cpu_memory_used_bytes', 'gauge', 'CPU used memory (RAM), in bytes', memoryUsedBytes),
  ];
}

/** The first line of /proc/stat; what guests take is part of what users take. */
function toTicks(stat: string): Ticks | null {
  const [, line] = /^cpu +(.*)$/m.exec(stat) ?? [];
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait };
}

/** Null when no time has passed. */
function utilization(before: Ticks, now: Ticks): number | null {
  const busy = Math.max(0, now.busy - before.busy);
  const idle = Math.max(0, now.idle - before.idle);
  return busy + idle === 0 ? null : busy / (busy + idle);
}

function kilobytes(memory: string, name: string): number | null {
  const [, value] = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(memory) ?? [];
  return value === undefined ? null : Number(value);
}
