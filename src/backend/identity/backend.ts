import type { Backend } from '../backend.js';
import { readChoice, readCount } from '../parameters.js';
import { FAULTS } from './faults.js';
import { IdentityInstance } from './instance.js';

/** An hour: more is a typing error rather than a model. */
const EXECUTE_DELAY_MS_MAX = 3_600_000;

/**
 * Gives each input back as an output, for tests and measurements of everything around a model.
 * Parameters: `execute_delay_ms` blocks each run that long, as computing would; `fault`, see `faults.ts`.
 */
export const identityBackend: Backend = {
  name: 'identity',
  async load({ modelName, parameters, outputs }) {
    return new IdentityInstance({
      model: modelName,
      outputs: outputs.map(({ name }) => name),
      delayMs: readCount(parameters, 'execute_delay_ms', EXECUTE_DELAY_MS_MAX) ?? 0,
      fault: readChoice(parameters, 'fault', FAULTS) ?? null,
    });
  },
};
