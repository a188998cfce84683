import { expect, it } from 'vitest';
import { readReloadPolicy } from '#naiad/model-config/reload-policy.js';
import { aConfig, parameters } from './builders.js';

it.each([
  ['memory-preserving', 'memory-preserving'],
  [' availability-preserving ', 'availability-preserving'],
  ['memory', null],
  ['', null],
])('%j asks for the reload policy %s', (text, policy) => {
  expect(readReloadPolicy(aConfig({ parameters: parameters({ 'reload.policy': text }) }))).toBe(policy);
});

it('without a parameter no reload policy is asked for', () => {
  expect(readReloadPolicy(aConfig())).toBeNull();
});
