export { BACKENDS, type BackendTraits } from '../model-config/backend-traits.js';
