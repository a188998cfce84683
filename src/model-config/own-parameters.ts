import type { ReloadPolicy } from '../settings/settings.js';
import type { ModelConfig } from './message.js';
import type { ParameterRule } from './parameter-rule.js';

/** Runs each batch size once before the model is served. */
export const WARMUP_AUTO = 'warmup.auto';
/** What comes first when the model is replaced. */
export const RELOAD_POLICY = 'reload.policy';

export const RELOAD_POLICIES: readonly ReloadPolicy[] = ['availability-preserving', 'memory-preserving'];

/** Parameters of the server's own, whatever the backend; `image.*` has its own rules. */
export const OWN_PARAMETERS: Readonly<Record<string, ParameterRule>> = {
  [WARMUP_AUTO]: { kind: 'flag' },
  [RELOAD_POLICY]: { kind: 'choice', choices: RELOAD_POLICIES },
};

/** Namespaces in which every key is one of {@link OWN_PARAMETERS} or a mistake. */
const OWN_PREFIXES = ['warmup.', 'reload.'];

/** Whether a key can only be meant for the server itself. */
export function isOwnParameter(key: string): boolean {
  return OWN_PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** A parameter as it is written, undefined where the configuration has none of that name. */
export function parameterText({ parameters }: ModelConfig, key: string): string | undefined {
  return Object.hasOwn(parameters, key) ? parameters[key]?.string_value : undefined;
}

/** Whether a flag is set; what is no flag is not. */
export function isTrue(text: string): boolean {
  return ['1', 'true'].includes(text.trim().toLowerCase());
}
