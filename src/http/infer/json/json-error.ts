/** What is wrong with a JSON text; `message` says it as Triton's parser does, with the byte it stands at. */
export class JsonError extends Error {
  override readonly name = 'JsonError';

  constructor(reason: string, position: number) {
    super(`${reason} at ${position}`);
  }
}
