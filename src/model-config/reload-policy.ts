import type { ReloadPolicy } from '../settings/settings.js';
import type { ModelConfig } from './message.js';
import { parameterText, RELOAD_POLICIES, RELOAD_POLICY } from './own-parameters.js';

/** The model's own reload policy; null where its configuration has none, or none that is known. */
export function readReloadPolicy(config: ModelConfig): ReloadPolicy | null {
  const text = parameterText(config, RELOAD_POLICY)?.trim();
  return RELOAD_POLICIES.find((policy) => policy === text) ?? null;
}
