import { describe, expect, it } from 'vitest';
import { MOVES } from '#naiad/lifecycle/states.js';
import { readDoc } from './markdown.js';

const LEGAL = Object.entries(MOVES).flatMap(([from, targets]) => targets.map((to) => `${from} --> ${to}`));

/** Moves between two states in the drawing of a page. */
function drawn(page: string): string[] {
  const [, drawing = ''] = /stateDiagram-v2\n([\s\S]*?)```/.exec(readDoc(page)) ?? [];
  return [...drawing.matchAll(/(\w+) --> (\w+)/g)].map(([, from, to]) => `${from} --> ${to}`);
}

describe('the drawing of the states', () => {
  it('of docs/architecture.md shows every legal move and no other', () => {
    expect(drawn('docs/architecture.md').sort()).toEqual([...LEGAL].sort());
  });

  it('of docs/model-repository.md shows legal moves only', () => {
    const moves = drawn('docs/model-repository.md');
    expect(moves.length).toBeGreaterThan(3);
    expect(LEGAL).toEqual(expect.arrayContaining(moves));
  });
});
