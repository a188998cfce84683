import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as catalogue from '#naiad/errors/catalogue.js';
import { httpInferenceErrors } from '#naiad/errors/http-inference-errors.js';
import { REASONS } from '#naiad/errors/reasons.js';
import type { ServingError } from '#naiad/errors/serving-error.js';
import * as settingsErrors from '#naiad/errors/settings-errors.js';
import { sharedMemoryErrors } from '#naiad/errors/shared-memory-errors.js';
import { INFERENCE_SERVICE, LIFECYCLE_SERVICE, loadProtos } from '#naiad/grpc/protos.js';
import { findRoute } from '#naiad/http/router.js';
import { ROUTES } from '#naiad/http/routes/routes.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { KNOWN_DIFFERENCES } from '../golden/known-differences.js';
import { type Harness, openHarness } from '../grpc/harness.js';
import { RawClient } from '../support/raw-client.js';
import { codeOf, grouped, readDoc, section, tableRows } from './markdown.js';

const text = readDoc('docs/protocol.md');

type MakeError = (...args: readonly unknown[]) => ServingError;

/** Arguments where names in braces don't do: lists, and numbers that are compared. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  'inputErrors.count': ['', '{model}', '{expected}', '{expected}', ['{got}'], ['{missing}']],
  'httpInferenceErrors.sources': [['{set}']],
  'repositoryErrors.loadFailed': ['{model}', [{ version: '{version}', reason: '{reason}' }]],
  'repositoryErrors.unloadUnfinished': ['{model}', ['{versions}']],
};

/** `| status | id | text |` of every error, parameters in braces. */
function catalogueLines(): string[] {
  return Object.entries({ ...catalogue, ...settingsErrors, sharedMemoryErrors, httpInferenceErrors }).flatMap(
    ([group, errors]) =>
      typeof errors === 'function'
        ? []
        : Object.entries(errors as unknown as Readonly<Record<string, MakeError>>).map(([name, make]) =>
            errorLine(`${group}.${name}`, make),
          ),
  );
}

function errorLine(name: string, make: MakeError): string {
  const [, list = ''] = /^\(([^)]*)\)/.exec(String(make)) ?? [];
  const parameters = list.split(/[\s,]+/).filter(Boolean);
  const named = parameters.map((parameter) => (parameter === 'prefix' ? '' : `{${parameter}}`));
  const { code, message } = make(...(ARGUMENTS[name] ?? named));
  const mark = parameters.includes('prefix') ? 'yes' : '';
  return [code, mark, message === '' ? '(empty)' : `\`${message.replaceAll('\n', '\\n')}\``].join(' | ');
}

describe('the statuses in docs/protocol.md', () => {
  it('are those of the catalogue, each once', () => {
    const rows = tableRows(section(text, 'Statuses')).filter(([, code]) => code !== '');
    const documented = rows.map(([, code, mark, message]) => [code, mark, message].join(' | '));
    expect(documented.toSorted()).toEqual(catalogueLines().toSorted());
  });

  it('all tell a situation', () => {
    expect(tableRows(section(text, 'Statuses')).filter(([situation]) => situation === '')).toEqual([]);
  });
});

it('docs/protocol.md tells every reason', () => {
  const rows = tableRows(section(text, 'Details for programs'));
  expect(rows.map(([reason]) => codeOf(reason)).toSorted()).toEqual(Object.values(REASONS).toSorted());
});

describe('the RPCs in docs/protocol.md', () => {
  let harness: Harness;
  let client: RawClient;
  const rows = tableRows(section(text, 'RPCs'));

  beforeAll(async () => {
    harness = await openHarness();
    client = new RawClient(harness.door.port);
  });

  afterAll(async () => {
    client.close();
    await harness.door.close(0);
  });

  it('are all of the service', () => {
    const methods = loadProtos().definition[INFERENCE_SERVICE] ?? {};
    expect(rows.map(([name]) => name).toSorted()).toEqual(Object.keys(methods).toSorted());
  });

  it.each(rows)('%s: %s', async (name, verdict) => {
    const answer = await client.send(`/${INFERENCE_SERVICE}/${name}`, Buffer.alloc(0));
    const isMissing = answer.kind === 'failed' && answer.code === status.UNIMPLEMENTED;
    expect(verdict).toBe(isMissing ? 'no' : 'yes');
  });
});

it("docs/protocol.md has the RPCs of this server's own service", () => {
  const rows = tableRows(section(text, 'History and rollback'));
  expect(rows.map(([name]) => name)).toEqual(Object.keys(loadProtos().definition[LIFECYCLE_SERVICE] ?? {}));
});

describe('the HTTP paths in docs/protocol.md', () => {
  const rows = tableRows(section(text, 'HTTP')).filter(([cell]) => codeOf(cell)?.includes(' /'));

  /** The routes of a row's path, with what is in brackets and without. */
  function routesOf(cell: string | undefined): unknown[] {
    const [method = '', path = ''] = codeOf(cell)?.split(' ') ?? [];
    return [path.replace(/\[.*?\]/g, ''), path.replace(/[[\]]/g, '')].map((written) => {
      const destination = findRoute(ROUTES, method, written.replace('/VERSION', '/1'));
      return destination.kind === 'route' ? destination.route : null;
    });
  }

  it.each(rows)('%s', (cell) => {
    expect(routesOf(cell)).not.toContain(null);
  });

  it('are all that there are', () => {
    const documented = new Set(rows.flatMap(([cell]) => routesOf(cell)));
    expect(ROUTES.filter((route) => !documented.has(route)).map(({ pattern }) => pattern)).toEqual([]);
  });
});

describe('the limits in docs/protocol.md', () => {
  it.each(tableRows(section(text, 'Limits')))('%s: %s', (_, value, name) => {
    const limit = new Map<string, number>(Object.entries(LIMITS)).get(codeOf(name) ?? '');
    expect(value?.replace(/ bytes$/, '')).toBe(grouped(limit ?? Number.NaN));
  });
});

it('docs/protocol.md has a row for each recorded answer that this server differs from', () => {
  const rows = tableRows(section(text, 'Known differences from Triton'));
  const listed = rows.filter((cells) => cells.join().includes('test/golden/known-differences.ts'));
  expect(listed.length).toBe(Object.keys(KNOWN_DIFFERENCES).length);
});
