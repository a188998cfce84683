import type { VersionPolicyMessage } from './message.js';
import type { VersionPolicy } from './model-spec.js';
import { type Problem, warningAt } from './problem.js';

/** Triton's default: the highest version alone. */
const DEFAULT_POLICY: VersionPolicy = { kind: 'latest', count: 1 };

/** The policy of a configuration, `latest { num_versions: 1 }` where it leaves it open. */
export function toVersionPolicy(message: VersionPolicyMessage | undefined): VersionPolicy {
  if (message?.all !== undefined) return { kind: 'all' };
  if (message?.specific !== undefined) return { kind: 'specific', versions: message.specific.versions };
  // `latest {}` leaves the number at proto3's 0.
  if (message?.latest !== undefined) return { kind: 'latest', count: message.latest.num_versions || 1 };
  return DEFAULT_POLICY;
}

/** Versions to serve, ascending, and what the policy asks for in vain. */
export interface SelectedVersions {
  readonly versions: readonly number[];
  readonly problems: readonly Problem[];
}

/** Which of the `available` versions the policy serves. */
export function selectVersions(policy: VersionPolicy, available: readonly number[]): SelectedVersions {
  const ascending = [...new Set(available)].sort((a, b) => a - b);
  switch (policy.kind) {
    case 'all':
      return { versions: ascending, problems: [] };
    case 'latest':
      return { versions: ascending.slice(-policy.count), problems: [] };
    case 'specific': {
      const wanted = new Set(policy.versions);
      const present = new Set(ascending);
      return {
        versions: ascending.filter((version) => wanted.has(version)),
        problems: policy.versions.flatMap((version, index) =>
          present.has(version)
            ? []
            : [
                warningAt(
                  ['version_policy', 'specific', 'versions', index],
                  `version ${version} is specified by the version policy, but there is no such version folder`,
                ),
              ],
        ),
      };
    }
  }
}
