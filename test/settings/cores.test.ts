import { describe, expect, it } from 'vitest';
import { availableCores, cgroupQuota, parseCgroup, parseCpuMax } from '#naiad/settings/cores.js';

const files =
  (contents: Record<string, string>) =>
  (path: string): string | null =>
    contents[path] ?? null;

describe('cpu.max', () => {
  it.each([
    ['max 100000\n', Number.POSITIVE_INFINITY],
    ['200000 100000\n', 2],
    ['150000 100000', 1.5],
    ['50000', 0.5],
    ['', Number.POSITIVE_INFINITY],
    ['nonsense', Number.POSITIVE_INFINITY],
    ['0 100000', Number.POSITIVE_INFINITY],
  ])('%j allows %d processors', (text, processors) => {
    expect(parseCpuMax(text)).toBe(processors);
  });
});

describe('/proc/self/cgroup', () => {
  it.each([
    ['0::/', { unified: '/', cpu: null }],
    ['0::/kubepods.slice/pod1', { unified: '/kubepods.slice/pod1', cpu: null }],
    ['4:memory:/a\n3:cpu,cpuacct:/b\n0::/c\n', { unified: '/c', cpu: '/b' }],
    ['2:cpuacct:/a\n1:cpu:/', { unified: null, cpu: '/' }],
    ['', { unified: null, cpu: null }],
  ])('%j', (text, membership) => {
    expect(parseCgroup(text)).toEqual(membership);
  });
});

describe('quota', () => {
  it.each([
    ['no cgroup at all', {}, Number.POSITIVE_INFINITY],
    [
      'in a container whose tree is its own',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '300000 100000' },
      3,
    ],
    [
      'the strictest of a folder and its parents',
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/b/cpu.max': 'max 100000',
        '/sys/fs/cgroup/a/cpu.max': '250000 100000',
        '/sys/fs/cgroup/cpu.max': '800000 100000',
      },
      2.5,
    ],
    [
      "the host's path where the tree shows only ours",
      { '/proc/self/cgroup': '0::/docker/1234\n', '/sys/fs/cgroup/cpu.max': '200000 100000' },
      2,
    ],
    [
      'version 1',
      {
        '/proc/self/cgroup': '3:cpu,cpuacct:/docker/1234\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      4,
    ],
    [
      'version 1 without a limit',
      {
        '/proc/self/cgroup': '1:cpu:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      Number.POSITIVE_INFINITY,
    ],
  ])('%s', (_case, contents: Record<string, string>, quota) => {
    expect(cgroupQuota(files(contents))).toBe(quota);
  });

  it.each([
    [8, 'max 100000', 8],
    [8, '350000 100000', 3],
    [8, '50000 100000', 1],
    [2, '800000 100000', 2],
  ])('%d processors under cpu.max %j come to %d', (affinity, text, cores) => {
    const contents = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': text };
    expect(availableCores(affinity, files(contents))).toBe(cores);
  });
});
