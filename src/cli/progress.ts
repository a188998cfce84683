import { type Clock, systemClock, type Timer } from '../lib/clock.js';
import type { Io } from './io.js';

/** One line on the terminal's standard error that says what is going on and goes away at the end. */
export interface Progress {
  show(text: string): void;
  /** Removes the line; call it before anything else is written. */
  end(): void;
}

const FIRST_NS = 1e9;
const NEXT_NS = 100e6;
const ERASE_LINE = '\r\u001b[K';

/** Shows nothing in the first second, and nothing at all where standard error is no terminal. */
export function startProgress(io: Io, clock: Clock = systemClock): Progress {
  if (!io.errIsTerminal) return { show() {}, end() {} };
  let text = '';
  let shown = '';
  let timer: Timer | null = null;
  let dueNs = clock.nowNs() + FIRST_NS;
  const draw = (): void => {
    if (text !== shown) io.err(`${ERASE_LINE}${text}`);
    shown = text;
    dueNs = clock.nowNs() + NEXT_NS;
  };
  const turn = (): void => {
    draw();
    timer = clock.setTimer(NEXT_NS, turn);
  };
  timer = clock.setTimer(FIRST_NS, turn);
  return {
    show(next) {
      text = next;
      // What comes next may hold the thread for long, and the timer with it.
      if (clock.nowNs() >= dueNs) draw();
    },
    end() {
      timer?.cancel();
      if (shown !== '') io.err(ERASE_LINE);
      shown = '';
    },
  };
}
