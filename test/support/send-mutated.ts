import { status } from '@grpc/grpc-js';
import { mutatedMessages } from './mutator.js';
import { MODEL_INFER, RawClient } from './raw-client.js';

const IN_PARALLEL = 100;

export interface MutatedRun {
  readonly port: number;
  readonly seed: number;
  readonly count: number;
  /** Sends valid requests among the damaged ones and checks their answers; `round` counts from 0. */
  probe(client: RawClient, round: number): Promise<void>;
}

/**
 * Sends damaged `ModelInfer` messages to a server over one real channel; returns how often each status
 * came back, by name. A call without an answer fails by its deadline, as DEADLINE_EXCEEDED.
 */
export async function sendMutated({ port, seed, count, probe }: MutatedRun): Promise<Map<string, number>> {
  const client = new RawClient(port);
  const statuses = new Map<string, number>();
  try {
    const messages = mutatedMessages(seed, count);
    for (let start = 0; start < messages.length; start += IN_PARALLEL) {
      const deadline = Date.now() + 30_000;
      const answers = messages
        .slice(start, start + IN_PARALLEL)
        .map((bytes) => client.send(MODEL_INFER, bytes, { deadline }));
      await probe(client, start / IN_PARALLEL);
      for (const answer of await Promise.all(answers)) {
        const name = status[answer.kind === 'ok' ? status.OK : answer.code] ?? 'no status';
        statuses.set(name, (statuses.get(name) ?? 0) + 1);
      }
    }
  } finally {
    client.close();
  }
  return statuses;
}
