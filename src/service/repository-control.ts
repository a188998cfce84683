import { repositoryErrors } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';
import type { LoadOptions } from '../lifecycle/control.js';
import { placeFiles } from '../repository/sent-files.js';
import type { ControlMode } from '../settings/settings.js';

/** A parameter of a load or unload request, whatever the protocol; `other` = a type that none has. */
export type ControlParameter =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'other' };

const FILE_PREFIX = 'file:';

/** Reads the parameters of a load request, in their order. Throws INVALID_ARGUMENT with Triton's texts. */
export function readLoadOptions(parameters: ReadonlyMap<string, ControlParameter>): LoadOptions {
  const { loadParameterType, loadParameterUnknown, rollbackWithOverride } = repositoryErrors;
  const files = new Map<string, Uint8Array>();
  let config: string | null = null;
  let rollback = false;
  for (const [key, parameter] of parameters) {
    if (key === 'config') {
      if (parameter.kind !== 'string') throw loadParameterType(key, 'string_param');
      config = parameter.value;
    } else if (key.startsWith(FILE_PREFIX)) {
      if (parameter.kind !== 'bytes') throw loadParameterType(key, 'bytes_param');
      files.set(key.slice(FILE_PREFIX.length), parameter.value);
    } else if (key === 'rollback') {
      if (parameter.kind !== 'bool') throw loadParameterType(key, 'bool_param');
      rollback = parameter.value;
    } else throw loadParameterUnknown(key);
  }
  if (rollback && (config !== null || files.size > 0)) throw rollbackWithOverride();
  return { config, files, rollback };
}

/** Reads the parameters of an unload request; unknown ones are ignored, as Triton does. */
export function readUnloadOptions(parameters: ReadonlyMap<string, ControlParameter>): {
  readonly dependents: boolean;
} {
  const key = 'unload_dependents';
  const parameter = parameters.get(key);
  if (parameter === undefined) return { dependents: false };
  if (parameter.kind !== 'bool') throw repositoryErrors.unloadParameterType(key);
  return { dependents: parameter.value };
}

/** Throws what keeps a load from being tried at all, in Triton's order. */
export function checkLoad(mode: ControlMode, name: string, { config, files, rollback }: LoadOptions): void {
  // Going back is most wanted where a bad model has come by itself.
  const isAllowed = mode === 'explicit' || (mode === 'poll' && rollback);
  if (!isAllowed) throw repositoryErrors.controlDisabled();
  if (name === '') throw repositoryErrors.nameEmpty();
  if (leadsElsewhere(name)) throw repositoryErrors.nameTraversal(name);
  if (files.size > 0 && config === null) {
    throw repositoryErrors.notInRepository(
      name,
      "Load parameter 'config' must be specified for model file override",
    );
  }
  try {
    placeFiles(name, files);
  } catch (error) {
    // Triton keeps such reasons to its log.
    throw error instanceof ServingError ? repositoryErrors.notInRepository(name, error.message) : error;
  }
}

/** Throws what keeps an unload from being tried; a name that nobody knows is fine, as it is in Triton. */
export function checkUnload(mode: ControlMode): void {
  if (mode !== 'explicit') throw repositoryErrors.controlDisabled();
}

/** Whether a name is more than the name of a folder in the repository. */
function leadsElsewhere(name: string): boolean {
  return name === '.' || name === '..' || /[/\\\0]/.test(name);
}
