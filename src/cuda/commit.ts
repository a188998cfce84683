import type { ByteSource } from './byte-source.js';

const MARK = 'git-commit-id=';
const HASH_BYTES_MAX = 40;
const CHUNK_BYTES = 1 << 20;

/** Finds the commit that ONNX Runtime was built from in its bytes, handed over in any pieces. */
export class CommitFinder {
  /** Null as long as it was not found. */
  commit: string | null = null;
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): void {
    if (this.commit !== null) return;
    const bytes = Buffer.concat([this.#rest, chunk]);
    const at = bytes.indexOf(MARK);
    const text = at < 0 ? '' : bytes.toString('latin1', at + MARK.length, at + MARK.length + HASH_BYTES_MAX);
    // A hash at the very end may go on in the next piece.
    if (at >= 0 && text.length === HASH_BYTES_MAX) this.#read(text);
    const keep = at < 0 ? MARK.length - 1 : bytes.byteLength - at;
    this.#rest = Buffer.from(bytes.subarray(Math.max(0, bytes.byteLength - keep)));
  }

  /** To be called after the last piece. */
  end(): string | null {
    const text = this.#rest.toString('latin1');
    if (this.commit === null && text.startsWith(MARK)) this.#read(text.slice(MARK.length));
    return this.commit;
  }

  #read(text: string): void {
    this.commit = /^[0-9a-f]{7,}/.exec(text)?.[0] ?? null;
  }
}

/** The commit that this library of ONNX Runtime was built from; null when it does not tell. */
export function readCommit(source: ByteSource): string | null {
  const finder = new CommitFinder();
  for (let at = 0; at < source.bytes && finder.commit === null; at += CHUNK_BYTES)
    finder.push(source.read(at, CHUNK_BYTES));
  return finder.end();
}

/** Whether two hashes name the same commit; either may be shortened. */
export function sameCommit(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}
