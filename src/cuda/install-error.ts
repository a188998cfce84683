/** Why nothing, or not all, could be installed; what has come stays for the next attempt. */
export class InstallError extends Error {
  override readonly name = 'InstallError';
}
