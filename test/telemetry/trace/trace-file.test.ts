import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newTimings } from '#naiad/inference/timings.js';
import { TraceFile } from '#naiad/telemetry/trace/trace-file.js';
import type { TracedRequest } from '#naiad/telemetry/trace/traced-request.js';
import { RecordedLog } from '../../support/recorded-log.js';

let folder: string;
let log: RecordedLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'naiad-test-'));
  log = new RecordedLog();
});

afterEach(() => rm(folder, { recursive: true }));

function aTrace(id: number, changes: Partial<TracedRequest> = {}): TracedRequest {
  return {
    id,
    levels: ['TIMESTAMPS'],
    protocol: 'grpc',
    modelName: 'm',
    modelVersion: 1,
    requestId: '',
    context: null,
    timings: {
      ...newTimings(10),
      queueStart: 11,
      computeStart: 12,
      computeInputEnd: 13,
      computeOutputStart: 14,
      computeEnd: 15,
    },
    endNs: 16,
    sentNs: 17,
    inputs: [],
    outputs: [],
    error: '',
    ...changes,
  };
}

async function records(name: string): Promise<Record<string, unknown>[]> {
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>[];
}

describe('the trace file', () => {
  it('has records as Triton writes them', async () => {
    const file = new TraceFile(join(folder, 'traces'), log);
    const tensor = { name: 'X', datatype: 'INT32', shape: [1, 2], data: '1,2' };
    file.write(
      aTrace(1, {
        requestId: 'r7',
        levels: ['TIMESTAMPS', 'TENSORS'],
        inputs: [tensor],
        outputs: [{ ...tensor, name: 'Y' }],
      }),
    );
    await file.close();
    const at = (name: string, ns: number): object => ({ id: 1, timestamps: [{ name, ns }] });
    expect(await records('traces')).toEqual([
      { id: 1, model_name: 'm', model_version: 1, request_id: 'r7' },
      at('GRPC_WAITREAD_START', 10),
      at('GRPC_WAITREAD_END', 10),
      at('REQUEST_START', 10),
      at('QUEUE_START', 11),
      at('COMPUTE_START', 12),
      at('COMPUTE_INPUT_END', 13),
      at('COMPUTE_OUTPUT_START', 14),
      at('COMPUTE_END', 15),
      at('INFER_RESPONSE_COMPLETE', 16),
      at('REQUEST_END', 16),
      at('GRPC_SEND_START', 16),
      at('GRPC_SEND_END', 17),
      {
        id: 1,
        activity: 'TENSOR_QUEUE_INPUT',
        tensor: { name: 'X', data: '1,2', shape: '1,2', dtype: 'INT32' },
      },
      {
        id: 1,
        activity: 'TENSOR_BACKEND_OUTPUT',
        tensor: { name: 'Y', data: '1,2', shape: '1,2', dtype: 'INT32' },
      },
    ]);
  });

  it('leaves out stages that were not reached, and times where they are not asked for', async () => {
    const file = new TraceFile(join(folder, 'traces'), log);
    file.write(aTrace(1, { protocol: 'http', timings: newTimings(10), sentNs: 0 }));
    file.write(aTrace(2, { levels: ['TENSORS'] }));
    await file.close();
    const names = (await records('traces')).map(({ id, timestamps }) => [
      id,
      (timestamps as { name: string }[] | undefined)?.[0]?.name,
    ]);
    expect(names).toEqual([
      [1, undefined],
      [1, 'HTTP_RECV_START'],
      [1, 'HTTP_RECV_END'],
      [1, 'REQUEST_START'],
      [1, 'INFER_RESPONSE_COMPLETE'],
      [1, 'REQUEST_END'],
      [2, undefined],
    ]);
  });

  it('is JSON at any time', async () => {
    const file = new TraceFile(join(folder, 'traces'), log);
    for (let id = 1; id <= 3; id++) {
      file.write(aTrace(id));
      await expect.poll(async () => (await records('traces').catch(() => [])).at(-1)?.id).toBe(id);
    }
    await file.close();
  });

  it('is followed by another after as many traces as the log frequency says', async () => {
    const file = new TraceFile(join(folder, 'traces'), log);
    file.frequency = 2;
    for (let id = 1; id <= 5; id++) file.write(aTrace(id));
    await file.close();
    expect((await readdir(folder)).toSorted()).toEqual(['traces.0', 'traces.1', 'traces.2']);
    const ids = async (name: string): Promise<unknown[]> => [
      ...new Set((await records(name)).map(({ id }) => id)),
    ];
    expect([await ids('traces.0'), await ids('traces.1'), await ids('traces.2')]).toEqual([
      [1, 2],
      [3, 4],
      [5],
    ]);
  });

  it('keeps what it has when the log frequency changes', async () => {
    const file = new TraceFile(join(folder, 'traces'), log);
    let id = 0;
    for (const frequency of [0, 2, 0, 3]) {
      file.frequency = frequency;
      file.write(aTrace(++id));
    }
    await file.close();
    const ids = async (name: string): Promise<unknown[]> =>
      (await records(name)).flatMap(({ id, model_name }) => (model_name === undefined ? [] : id));
    expect([await ids('traces'), await ids('traces.0'), await ids('traces.1')]).toEqual([[1, 3], [2], [4]]);
  });

  it.runIf(process.platform === 'linux')('on a full disk costs one warning for all traces', async () => {
    const file = new TraceFile('/dev/full', log);
    for (let id = 1; id <= 3; id++) {
      file.write(aTrace(id));
      await file.close();
    }
    expect(log.messages('warn')).toEqual(['traces could not be written']);
  });

  it('that can not be written costs a warning, nothing else', async () => {
    const file = new TraceFile(join(folder, 'no', 'such', 'folder'), log);
    file.write(aTrace(1));
    await file.close();
    expect(log.messages('warn')).toEqual(['traces could not be written']);
  });
});
