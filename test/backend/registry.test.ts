import { describe, expect, it } from 'vitest';
import { BACKEND_NAMES, importBackend } from '#naiad/backend/registry.js';
import { BACKENDS } from '#naiad/model-config/backend-traits.js';

describe('the registry of backends', () => {
  it('has exactly the backends that have traits', () => {
    expect([...BACKEND_NAMES].sort()).toEqual([...BACKENDS.keys()].sort());
  });

  it.each(BACKEND_NAMES)('imports %s under its own name', async (name) => {
    expect((await importBackend(name)).name).toBe(name);
  });

  it('names the known ones to who asks for another', async () => {
    await expect(importBackend('tensorflow')).rejects.toThrow(
      "unknown backend 'tensorflow', known are onnxruntime, identity, repeat",
    );
  });
});
