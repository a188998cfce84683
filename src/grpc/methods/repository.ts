import type { IndexEntry } from '../../service/views.js';
import { type MethodContext, registerMethod } from './methods.js';

interface IndexRequest {
  readonly repository_name: string;
  readonly ready: boolean;
}

/** RepositoryIndex. */
export function registerRepository(context: MethodContext): void {
  registerMethod<IndexRequest, { models: IndexEntry[] }>(
    context,
    'RepositoryIndex',
    ({ repository_name, ready }) => ({ models: context.service.repositoryIndex(repository_name, ready) }),
  );
}
