import type { Reason } from '../errors/reasons.js';
import type { StatusCode } from '../errors/serving-error.js';
import type { Clock } from '../lib/clock.js';
import { type LaneActivity, LaneUsage } from './lane-usage.js';
import { MachineUsage, machineFamilies } from './machine-usage.js';
import type { Meters } from './meters.js';
import { type Family, labelText, sampleLine, scalarFamily } from './metric-text.js';
import { naiadFamilies } from './naiad-families.js';
import { type MeteredModel, tritonFamilies } from './triton-families.js';

/** Why requests were refused before they had a model version, words of `ErrorInfo.reason`; told from 0 on. */
export const SERVER_REFUSALS = [
  'IN_FLIGHT_LIMIT',
  'MODEL_NOT_READY',
  'MODEL_RELOADING',
  'NOT_FOUND',
  'SERVER_NOT_READY',
  'SHUTTING_DOWN',
] as const satisfies readonly (Reason | StatusCode)[];

/** What there is to measure in a running server. */
export interface ServingParts {
  readonly clock: Clock;
  readonly meters: Meters;
  /** All that is served now. */
  models(): Iterable<MeteredModel>;
  lanes(): LaneActivity;
  requestsInFlight(): number;
}

/** All that is told of requests and of what answers them. */
export class ServingFamilies {
  readonly #parts: ServingParts;
  readonly #machine: MachineUsage | null;
  readonly #lanes: LaneUsage;
  readonly #refusals = new Map<string, number>(SERVER_REFUSALS.map((reason) => [reason, 0]));

  constructor(parts: ServingParts) {
    const { clock, meters } = parts;
    const { cpu, intervalMs } = meters.settings;
    this.#parts = parts;
    this.#machine = cpu ? new MachineUsage({ clock, intervalMs }) : null;
    this.#lanes = new LaneUsage(clock, intervalMs);
    void this.#machine?.begin();
  }

  /** A request was refused before it had a model version; other reasons than those above are not told. */
  refused(reason: string): void {
    const before = this.#refusals.get(reason);
    if (before !== undefined) this.#refusals.set(reason, before + 1);
  }

  /** As things stand now. */
  async collect(): Promise<Family[]> {
    const { clock, meters, models, lanes, requestsInFlight } = this.#parts;
    const machine = (await this.#machine?.sample()) ?? null;
    const nowNs = clock.nowNs();
    const served = [...models()];
    return [
      ...tritonFamilies(served, meters, nowNs),
      ...(machine === null ? [] : machineFamilies(machine)),
      ...naiadFamilies(served, nowNs),
      scalarFamily(
        'naiad_requests_in_flight',
        'gauge',
        'Inference requests that are being answered',
        requestsInFlight(),
      ),
      {
        name: 'naiad_refused_total',
        help: 'Requests that were refused before a model was asked, by why',
        type: 'counter',
        samples: [...this.#refusals].map(([reason, count]) =>
          sampleLine('naiad_refused_total', labelText('reason', reason), count),
        ),
      },
      ...this.#lanes.families(lanes()),
    ];
  }
}
