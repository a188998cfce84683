import { expect, it } from 'vitest';
import { InFlight } from '#naiad/service/in-flight.js';

it('tells why of each request that it refuses', () => {
  const told: string[] = [];
  const inFlight = new InFlight({ inFlightRequestsMax: 1, inFlightBytesMax: 10 }, (why) => told.push(why));
  inFlight.enter();
  inFlight.hold(10);
  expect(told).toEqual([]);
  expect(() => inFlight.enter()).toThrow('Exceeds the limit of 1 requests in flight');
  expect(() => inFlight.hold(1)).toThrow('Exceeds the limit of 10 bytes of requests in flight');
  expect(told).toEqual(['IN_FLIGHT_LIMIT', 'IN_FLIGHT_LIMIT']);
  inFlight.leave();
  inFlight.release(10);
  inFlight.enter();
  expect(told).toHaveLength(2);
});
