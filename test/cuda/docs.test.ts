import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cudaSetFor, providerPackage } from '#naiad/cuda/cuda-set.js';

it('docs/gpu.md names the packages that are installed', () => {
  const text = readFileSync(new URL('../../docs/gpu.md', import.meta.url), 'utf8');
  const set = cudaSetFor('1.26.0');
  for (const { name, version } of [providerPackage('1.26.0'), ...set.packages])
    expect(text).toContain(`${name}==${version}`);
  for (const each of [set, cudaSetFor('1.30.0')]) expect(text).toContain(each.driverMin);
});
