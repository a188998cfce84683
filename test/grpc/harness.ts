import { type GrpcDoor, type GrpcDoorOptions, openGrpcDoor } from '#naiad/grpc/door.js';
import { systemClock } from '#naiad/lib/clock.js';
import { testGrpc } from '../support/door-settings.js';
import { MemoryService } from '../support/memory-service.js';
import { RecordedLog } from '../support/recorded-log.js';

/** A door on a free port over a {@link MemoryService}. */
export interface Harness {
  readonly service: MemoryService;
  readonly log: RecordedLog;
  readonly door: GrpcDoor;
}

export async function openHarness(changes: Partial<GrpcDoorOptions> = {}): Promise<Harness> {
  const service = new MemoryService();
  const log = new RecordedLog();
  const settings = testGrpc();
  const door = await openGrpcDoor({ service, settings, clock: systemClock, log, ...changes });
  return { service, log, door };
}
