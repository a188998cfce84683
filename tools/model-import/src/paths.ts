import { fileURLToPath } from 'node:url';

export const MODEL_REPOSITORY = fileURLToPath(new URL('../../../model-repository/', import.meta.url));
export const EXAMPLE_IMAGES = fileURLToPath(new URL('../../../examples/images/', import.meta.url));
export const MANIFEST_FILE = fileURLToPath(new URL('../manifest.json', import.meta.url));
export const RANGE_TABLES = fileURLToPath(new URL('../ranges/', import.meta.url));
