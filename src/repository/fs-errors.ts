/** The system's own code of a failed file operation: `ENOENT`, `EACCES`; '' for other errors. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'this process may not read it',
  EPERM: 'this process may not read it',
  ERR_INVALID_ARG_VALUE: 'it has no valid name',
  ELOOP: 'its symbolic links lead in a circle',
};

/** Why a file or folder can't be read, for the user. */
export function readFailure(error: unknown): string {
  return REASONS[errorCode(error)] ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Whether a file will not be read until somebody changes it, rather than once the system has what it lacks
 * now: open files, a connection, a disk that answers.
 */
export function isLasting(error: unknown): boolean {
  const code = errorCode(error);
  return code === '' || code === 'ENAMETOOLONG' || code in REASONS;
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
};

/** Why the system could not open a file, in the C library's words, as Triton's texts have them; '' for other errors. */
export function systemReason(error: unknown): string {
  return SYSTEM_REASONS[errorCode(error)] ?? '';
}
