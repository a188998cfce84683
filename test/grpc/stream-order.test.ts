import { describe, expect, it } from 'vitest';
import { type Place, StreamOrder } from '#naiad/grpc/stream-order.js';

/** Places by name, and the answers that have been written. */
function anOrder(names: string) {
  const order = new StreamOrder();
  const written: string[] = [];
  const places = new Map([...names].map((name): [string, Place] => [name, order.enter()]));
  const place = (name: string): Place => {
    const found = places.get(name);
    if (found === undefined) throw new Error(`no place ${name}`);
    return found;
  };
  return {
    written,
    write: (name: string, answer = name) => order.write(place(name), () => written.push(answer)),
    end: (name: string) => order.end(place(name)),
    leave: (name: string) => order.leave(place(name)),
    /** One answer, the only one. */
    answer(name: string) {
      this.write(name);
      this.end(name);
    },
  };
}

describe('answers', () => {
  it.each(['abcd', 'dcba', 'bdac', 'cadb'])('that come as %s go out in order', (arrival) => {
    const order = anOrder('abcd');
    for (const name of arrival) order.answer(name);
    expect(order.written).toEqual(['a', 'b', 'c', 'd']);
  });

  it('of the first place go out at once, several of them too', () => {
    const order = anOrder('ab');
    order.write('b');
    order.write('a', 'a1');
    order.write('a', 'a2');
    expect(order.written).toEqual(['a1', 'a2']);
    order.end('a');
    expect(order.written).toEqual(['a1', 'a2', 'b']);
    order.write('b', 'b2');
    expect(order.written).toEqual(['a1', 'a2', 'b', 'b2']);
  });

  it('wait for a place that ends without one', () => {
    const order = anOrder('abc');
    order.answer('b');
    order.answer('c');
    order.end('a');
    expect(order.written).toEqual(['b', 'c']);
  });

  it('of a place that has left the order wait for nobody, and nobody for them', () => {
    const order = anOrder('abcd');
    order.leave('b');
    order.write('b', 'b1');
    order.answer('c');
    expect(order.written).toEqual(['b1']);
    order.answer('a');
    expect(order.written).toEqual(['b1', 'a', 'c']);
    order.answer('d');
    order.write('b', 'b2');
    order.end('b');
    expect(order.written).toEqual(['b1', 'a', 'c', 'd', 'b2']);
  });

  it('go out when the first place leaves', () => {
    const order = anOrder('ab');
    order.answer('b');
    order.leave('a');
    expect(order.written).toEqual(['b']);
  });
});
