import { readdirSync, readFileSync } from 'node:fs';

// What the kernel tells of processes; Linux only.

/** USER_HZ: what the kernel counts in for programs, on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time of a process and its children. @param {number} pid */
export function cpuSeconds(pid) {
  let ticks = 0;
  for (const member of family(pid)) {
    const stat = readFileSync(`/proc/${member}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Seconds of processor time of this process and of those that it started and that have ended. */
export function ownCpuSeconds() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0) / TICKS_PER_SECOND;
}

/** Resident memory of a process and its children in MiB. @param {number} pid */
export function residentMib(pid) {
  let kib = 0;
  for (const member of family(pid)) {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${member}/status`, 'utf8'));
    kib += Number(match?.[1] ?? 0);
  }
  return kib / 1024;
}

/**
 * Memory that a process and its children would take alone, in MiB: what several of its mappings share counts
 * once, and whole, whatever other processes share it.
 * @param {number} pid
 */
export function ownMib(pid) {
  let kib = 0;
  for (const member of family(pid)) {
    /** @type {Map<string, number>} pages of a file by where they lie in it */
    const files = new Map();
    for (const mapping of readFileSync(`/proc/${member}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-)/m)) {
      const [, , offset, device, inode] = mapping.split(/\s+/, 5);
      const [resident, anonymous] = [sizeIn(mapping, 'Rss'), sizeIn(mapping, 'Anonymous')];
      kib += anonymous;
      const place = `${device} ${inode} ${offset}`;
      if (inode !== '0') files.set(place, Math.max(files.get(place) ?? 0, resident - anonymous));
    }
    for (const size of files.values()) kib += size;
  }
  return kib / 1024;
}

/** @param {string} mapping @param {string} name */
function sizeIn(mapping, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(mapping)?.[1] ?? 0);
}

/** Seconds of processor time of the whole machine, all cores together; what a hypervisor took included. */
export function machineCpuSeconds() {
  const [total = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [, user, nice, system, , , irq, softIrq, steal] = total.split(/\s+/).map(Number);
  const busy = [user, nice, system, irq, softIrq, steal];
  return busy.reduce((/** @type {number} */ sum, ticks) => sum + (ticks ?? 0), 0) / TICKS_PER_SECOND;
}

/** @param {number} pid @returns {number[]} */
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}
