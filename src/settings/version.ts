import { createRequire } from 'node:module';

const packageJson: unknown = createRequire(import.meta.url)('../../package.json');

/** Version of this package, the one that ServerMetadata tells. */
export const VERSION: string =
  typeof packageJson === 'object' && packageJson !== null && 'version' in packageJson
    ? String(packageJson.version)
    : '0.0.0';
