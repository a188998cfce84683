const SPACE = /no space (is )?left|ENOSPC|EDQUOT|quota (exceeded|is used up)/i;
const REST =
  /bad_alloc|failed to allocate|(can't|cannot) allocate|not enough memory|out of memory|ENOMEM|too many open files|EMFILE|ENFILE|input\/output error|EIO\b/i;

/**
 * What a machine had run out of when it could not build something, by the text that says why: space to write
 * to, or something else; null where it says nothing of the kind. A shortage tells nothing of the model.
 */
export function shortageOf(reason: string): 'space' | 'other' | null {
  if (SPACE.test(reason)) return 'space';
  return REST.test(reason) ? 'other' : null;
}
