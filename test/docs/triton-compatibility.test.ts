import { status } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEALTH_SERVICE, INFERENCE_SERVICE, LIFECYCLE_SERVICE, loadProtos } from '#naiad/grpc/protos.js';
import { findRoute } from '#naiad/http/router.js';
import { ROUTES } from '#naiad/http/routes/routes.js';
import { messageOf, modelConfigType } from '#naiad/model-config/schema.js';
import { DEFAULT_METERING } from '#naiad/settings/metering-settings.js';
import { SERVE_FLAGS } from '#naiad/settings/serve-flags.js';
import { TRITON_FLAGS } from '#naiad/settings/triton-flags.js';
import { type Harness, openHarness } from '../grpc/harness.js';
import { encodeMessage } from '../support/infer-protos.js';
import { readPage, scrape } from '../support/metrics-page.js';
import { RawClient } from '../support/raw-client.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { codeOf, readDoc, section, tableRows } from './markdown.js';

const VERDICTS = ['same', 'better', 'not here'];
const REFLECTION = ['v1', 'v1alpha'].map(
  (version) => `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

const text = readDoc('docs/triton-compatibility.md');

interface Row {
  readonly name: string;
  readonly verdict: string;
  readonly why: string;
}

function rowsOf(heading: string): Row[] {
  return tableRows(section(text, heading))
    .filter(([name]) => name !== '')
    .map(([name = '', verdict = '', why = '']) => ({ name: codeOf(name) ?? name, verdict, why }));
}

/** Names of a table's rows that are here, or those that are not. */
function named(heading: string, here: boolean): string[] {
  const rows = rowsOf(heading).filter(({ verdict }) => (verdict !== 'not here') === here);
  return rows.map(({ name }) => name).toSorted();
}

it.each([
  'What it can do',
  'RPCs',
  'HTTP',
  'Extensions',
  'Flags of tritonserver',
  'Fields of ModelConfig',
  'Metrics',
])('%s: each once, with a verdict, and with the reason where it is not "same"', (heading) => {
  const rows = rowsOf(heading);
  expect(rows.length).toBeGreaterThan(5);
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  expect(rows.filter(({ verdict }) => !VERDICTS.includes(verdict))).toEqual([]);
  if (heading === 'What it can do') return;
  expect(rows.filter(({ verdict, why }) => verdict !== 'same' && why === '')).toEqual([]);
});

describe('RPCs', () => {
  let harness: Harness;
  let client: RawClient;

  beforeAll(async () => {
    harness = await openHarness();
    client = new RawClient(harness.door.port);
  });

  afterAll(async () => {
    client.close();
    await harness.door.close(0);
  });

  it('are all of the services', () => {
    const { definition } = loadProtos();
    const methodsOf = (service: string): string[] => Object.keys(definition[service] ?? {});
    expect(
      rowsOf('RPCs')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(
      [
        ...methodsOf(INFERENCE_SERVICE),
        ...methodsOf(HEALTH_SERVICE).map((name) => `${HEALTH_SERVICE}/${name}`),
        ...methodsOf(LIFECYCLE_SERVICE).map((name) => `${LIFECYCLE_SERVICE}/${name}`),
        ...REFLECTION,
      ].toSorted(),
    );
  });

  it.each(rowsOf('RPCs'))('$name: $verdict', async ({ name, verdict }) => {
    const path = name.includes('/') ? `/${name}` : `/${INFERENCE_SERVICE}/${name}`;
    // A watch does not end by itself.
    const answer = await client.send(path, Buffer.alloc(0), { deadline: Date.now() + 2000 });
    const isMissing = answer.kind === 'failed' && answer.code === status.UNIMPLEMENTED;
    if (verdict === 'not here') expect(isMissing || name === 'CudaSharedMemoryRegister').toBe(true);
    else expect(isMissing).toBe(false);
  });

  it('of memory of a GPU is refused', async () => {
    const region = { name: 'r', raw_handle: Buffer.from('handle'), device_id: 0, byte_size: 8 };
    const bytes = encodeMessage('CudaSharedMemoryRegisterRequest', region);
    const answer = await client.send(`/${INFERENCE_SERVICE}/CudaSharedMemoryRegister`, bytes);
    expect(answer).toMatchObject({ kind: 'failed' });
  });
});

describe('HTTP', () => {
  /** A path with everything in brackets, and without. */
  function paths(pattern: string): string[] {
    const examples = { MODEL: 'm', VERSION: '1', REPOSITORY: 'r', NAME: 'n' };
    const shown = pattern.replaceAll(/[A-Z]{4,}/g, (word) => examples[word as keyof typeof examples] ?? word);
    return [shown.replaceAll(/\[[^\]]*\]/g, ''), shown.replaceAll(/[[\]]/g, '')];
  }

  const rows = rowsOf('HTTP').map((row) => {
    const [method = '', pattern = ''] = row.name.split(' ');
    return { ...row, found: paths(pattern).map((path) => findRoute(ROUTES, method, path)) };
  });

  it.each(rows)('$name: $verdict', ({ name, verdict, found }) => {
    const isThere = found.every(({ kind }) => kind === 'route');
    expect(found.every(({ kind }) => (kind === 'route') === isThere)).toBe(true);
    expect(isThere).toBe(verdict !== 'not here' || name.includes('cudasharedmemory'));
  });

  it('has all routes, each by all its methods', () => {
    const told = rows.flatMap(({ name, found }) =>
      found.flatMap((destination) =>
        destination.kind === 'route' ? [`${name.split(' ')[0]} ${destination.route.pattern.source}`] : [],
      ),
    );
    const all = ROUTES.flatMap(({ methods, pattern }) =>
      methods.map((method) => `${method} ${pattern.source}`),
    );
    expect(all.filter((route) => !told.includes(route))).toEqual([]);
  });
});

describe('flags', () => {
  const served = Object.values(SERVE_FLAGS).flatMap(({ name, aliases }) => [name, ...aliases]);
  const ownText = /Further flags are this server's own: (.*?)\. \[cli/.exec(text)?.[1] ?? '';
  const own = [...ownText.matchAll(/`--([\w-]+)`/g)].map((match) => String(match[1]));

  it('are those of this server and those that it ignores', () => {
    const told = rowsOf('Flags of tritonserver').map(({ name }) => name.replace('--', ''));
    const ignored = TRITON_FLAGS.map(({ name }) => name);
    expect([...told, ...own].toSorted()).toEqual([...served, ...ignored].toSorted());
  });

  it('are not here where this server ignores them, for the reasons that it gives', () => {
    const missing = rowsOf('Flags of tritonserver').filter(({ verdict }) => verdict === 'not here');
    const { name: gpuMetrics, help } = SERVE_FLAGS.allowGpuMetrics;
    const hasGpuMetrics = !help.includes('nothing is yet');
    expect(
      missing
        .map(({ name, why }) => `${name}: ${why}`)
        .filter((line) => hasGpuMetrics || !line.startsWith(`--${gpuMetrics}: `))
        .toSorted(),
    ).toEqual(TRITON_FLAGS.map(({ name, why }) => `--${name}: ${why}`).toSorted());
  });
});

describe('fields of ModelConfig', () => {
  const rows = rowsOf('Fields of ModelConfig');
  const names = new Set(rows.map(({ name }) => name));

  /** Paths of all fields below a message, none within itself. */
  function pathsBelow(type: protobuf.Type, prefix = ''): string[] {
    return type.fieldsArray.flatMap((field) => {
      const path = `${prefix}${field.name}`;
      const inner = messageOf(field);
      return [path, ...(inner === null ? [] : pathsBelow(inner, `${path}.`))];
    });
  }

  const all = pathsBelow(modelConfigType());

  /** The row of the field, or of what it is part of. */
  function rowOf(path: string): string | undefined {
    if (names.has(path)) return path;
    const end = path.lastIndexOf('.');
    return end < 0 ? undefined : rowOf(path.slice(0, end));
  }

  it('all have a row, or are part of one that has', () => {
    expect(all.filter((path) => rowOf(path) === undefined)).toEqual([]);
    expect([...names].filter((name) => !all.includes(name))).toEqual([]);
  });

  it('are here where docs/model-configuration.md, which is held to the code, says that they are used', () => {
    const told = tableRows(section(readDoc('docs/model-configuration.md'), 'Every field'));
    for (const [cell, verdict] of told) {
      const row = rows.find(({ name }) => name === rowOf(codeOf(cell) ?? ''));
      // On a machine with a GPU it is used.
      if (cell === '`instance_group.gpus`') expect(row?.why).toContain('KIND_GPU');
      else expect(`${cell} ${row?.verdict !== 'not here'}`).toBe(`${cell} ${verdict === 'used'}`);
    }
  });
});

describe('of a running server', () => {
  let repository: TestRepository;
  let server: TestServer;

  beforeAll(async () => {
    repository = new TestRepository(identityModel('m', identityConfig()));
    server = await startTestServer({
      modelRepositories: [repository.directory],
      metrics: { enabled: true, address: '127.0.0.1', port: 0 },
      metering: { ...DEFAULT_METERING, gpu: false, histogramLatencies: true, summaryLatencies: true },
    });
  });

  afterAll(async () => {
    await server.stop();
    repository.remove();
  });

  it('the metrics have the families that are here', async () => {
    const families = Object.keys(readPage(await scrape(server.server.metricsPort)));
    // Those of GPUs no machine has without one.
    const isOfAll = (name: string): boolean => /^nv_(?!gpu_|energy_)/.test(name);
    expect(families.filter(isOfAll).toSorted()).toEqual(named('Metrics', true).filter(isOfAll));
  });

  it('the metadata have the extensions that are here', async () => {
    const { extensions } = await server.client.call('ServerMetadata');
    expect((extensions as string[]).toSorted()).toEqual(named('Extensions', true));
  });
});
