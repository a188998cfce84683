import { describe, expect, it } from 'vitest';
import type { VersionPolicyMessage } from '#naiad/model-config/message.js';
import { selectVersions, toVersionPolicy } from '#naiad/model-config/version-policy.js';
import { problemLines } from './builders.js';

describe('version policy', () => {
  it.each<[VersionPolicyMessage | undefined, number[], number[]]>([
    [undefined, [1, 2, 10], [10]],
    [{}, [1, 2], [2]],
    [{ latest: { num_versions: 2 } }, [10, 9, 1], [9, 10]],
    [{ latest: { num_versions: 9 } }, [3, 4], [3, 4]],
    [{ latest: { num_versions: 0 } }, [3, 4], [4]],
    [{ all: {} }, [2, 1, 2], [1, 2]],
    [{ specific: { versions: [3, 1] } }, [1, 2, 3], [1, 3]],
    [{ specific: { versions: [] } }, [1], []],
    [{ all: {} }, [], []],
  ])('%j of %j serves %j', (message, available, versions) => {
    expect(selectVersions(toVersionPolicy(message), available)).toEqual({ versions, problems: [] });
  });

  it('warns about specific versions that are not there', () => {
    const policy = toVersionPolicy({ specific: { versions: [7, 1, 8] } });
    const { versions, problems } = selectVersions(policy, [1, 2]);
    expect(versions).toEqual([1]);
    expect(problemLines(problems)).toEqual([
      'warning version_policy.specific.versions.0: version 7 is specified by the version policy, but there is no such version folder',
      'warning version_policy.specific.versions.2: version 8 is specified by the version policy, but there is no such version folder',
    ]);
  });
});
