import { afterEach, expect, it } from 'vitest';
import { checkRepositories } from '#naiad/server/check.js';
import { addSub } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';
import { TestRepository } from '../support/repository.js';

const repositories: TestRepository[] = [];
afterEach(() => {
  for (const repository of repositories.splice(0)) repository.remove();
});

/** What a check says of a model with these files beside it. */
async function check(
  files: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ ok: boolean; told: string[] }> {
  const config = Object.entries({ mode: 'int8', calibration: 'calibration', ...settings }).map(
    ([key, value]) => `parameters { key: "quantization.${key}" value { string_value: "${value}" } }`,
  );
  const repository = new TestRepository({
    'm/config.pbtxt': ['backend: "onnxruntime"', ...config].join('\n'),
    'm/1/model.onnx': addSub(),
    ...files,
  });
  repositories.push(repository);
  const { ok, models } = await checkRepositories([repository.directory], {
    log: new RecordedLog(),
    autoComplete: true,
  });
  const told = models.flatMap(({ findings }) => findings.map((each) => `${each.severity}: ${each.message}`));
  return { ok, told };
}

it('samples that are there are nothing to tell of', async () => {
  expect(await check({ 'm/calibration/a/b.npy': '' })).toEqual({ ok: true, told: [] });
  expect(await check({}, { calibration: 'live:3' })).toEqual({ ok: true, told: [] });
});

it('a folder of samples that is not there, or holds none, is told of', async () => {
  expect(await check({})).toEqual({
    ok: true,
    told: [
      expect.stringMatching(
        /^warning: quantization\.calibration: there is no folder '.*calibration'; the model is served as it is$/,
      ),
    ],
  });
  expect((await check({ 'm/calibration/readme.md': '' })).told.join()).toMatch(
    /no pictures, \.npy, .* lie in '.*calibration'; the model is served as it is$/,
  );
});

it('is wrong where nothing may be served without', async () => {
  const { ok, told } = await check({ 'm/calibration': 'a file' }, { on_failure: 'fail' });
  expect(ok).toBe(false);
  expect(told.join()).toMatch(/^error: .*'.*calibration': it is no folder; the model can not be loaded$/);
});
