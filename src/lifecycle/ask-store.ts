/** The store did not answer what it was asked for, which says nothing about any model. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** What a store answers. Rejects with {@link StoreError}, the text for people, when it answers nothing. */
export async function askStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new StoreError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
