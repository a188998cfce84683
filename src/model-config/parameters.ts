import { didYouMean, nearest } from '../lib/did-you-mean.js';
import { idleQuantizationSettings } from './idle-quantization-settings.js';
import { IMAGE_PREFIX, IMAGE_SETTINGS } from './image-settings.js';
import type { ModelConfig } from './message.js';
import { isOwnParameter, OWN_PARAMETERS } from './own-parameters.js';
import { type ParameterRule, violation } from './parameter-rule.js';
import { errorAt, type FieldPath, type Problem, warningAt } from './problem.js';
import { QUANTIZATION_PREFIX, QUANTIZATION_SETTINGS, readQuantization } from './quantization-parameters.js';

const THREADS: ParameterRule = { kind: 'count', max: 1024 };
const FLAG: ParameterRule = { kind: 'flag' };
/** ONNX Runtime's own entries are handed on as they are, and know no `true`. */
const BIT: ParameterRule = { kind: 'choice', choices: ['0', '1'] };
const IGNORED: ParameterRule = { kind: 'ignored' };

/** Parameters by backend; what they do stands with the backends and in docs/model-configuration.md. */
export const KNOWN_PARAMETERS: Readonly<Record<string, Readonly<Record<string, ParameterRule>>>> = {
  onnxruntime: {
    intra_op_thread_count: THREADS,
    inter_op_thread_count: THREADS,
    execution_mode: BIT,
    enable_mem_arena: FLAG,
    enable_mem_pattern: FLAG,
    'session.intra_op.allow_spinning': BIT,
    'session.inter_op.allow_spinning': BIT,
    'session.use_device_allocator_for_initializers': BIT,
    'memory.enable_memory_arena_shrinkage': IGNORED,
    cudnn_conv_algo_search: IGNORED,
    cudnn_conv_use_max_workspace: IGNORED,
    do_copy_in_default_stream: IGNORED,
    gpu_mem_limit: IGNORED,
    arena_extend_strategy: IGNORED,
  },
  identity: {
    execute_delay_ms: { kind: 'count', max: 3_600_000 },
    fault: { kind: 'choice', choices: ['error', 'exit'] },
  },
};

/**
 * Checks the values of known parameters. Unknown ones are the backend's business, as in Triton, but one
 * that looks like a mistyped known one gets a warning. `image.*` is checked by `readImages`.
 */
export function checkParameters(config: ModelConfig): Problem[] {
  const { backend, parameters } = config;
  const known = { ...OWN_PARAMETERS, ...KNOWN_PARAMETERS[backend] };
  const rest = Object.entries(parameters).filter(
    ([key]) => !key.startsWith(IMAGE_PREFIX) && !key.startsWith(QUANTIZATION_PREFIX),
  );
  const problems = rest.flatMap(([key, { string_value }]): Problem[] => {
    const path = ['parameters', key, 'string_value'];
    const rule = Object.hasOwn(known, key) ? known[key] : undefined;
    if (rule === undefined) return isOwnParameter(key) ? unknownOwn(key, path) : nearMiss(key, path, known);
    if (rule.kind === 'ignored') {
      return [warningAt(path, `parameter '${key}' has no effect here and is ignored`)];
    }
    const expected = violation(rule, string_value.trim());
    if (expected === null) return [];
    const text = `parameter '${key}' must be ${expected}, got '${string_value}'`;
    return [errorAt(path, isOwnParameter(key) ? text : `${misfit(rule, string_value)}${text}`)];
  });
  return [...readQuantization(config).problems, ...idleQuantizationSettings(config), ...problems];
}

/** What Triton's backends say of a value that is none of its type. */
function misfit({ kind }: ParameterRule, value: string): string {
  if (kind === 'count' && !/^\s*[-+]?\d/.test(value))
    return `failed to convert '${value}' to integral number: `;
  return kind === 'flag' ? `failed to convert '${value}' to boolean: ` : '';
}

/**
 * Whether a parameter reaches the sessions of a model: all do, unknown ones included, but those that are
 * for the server itself.
 */
export function isSessionParameter(key: string): boolean {
  return !key.startsWith(IMAGE_PREFIX) && !isOwnParameter(key);
}

function unknownOwn(key: string, path: FieldPath): Problem[] {
  const known = Object.keys(OWN_PARAMETERS);
  const suggestion = didYouMean(key, known) || `; known ones: ${known.join(', ')}`;
  return [warningAt(path, `unknown parameter '${key}' is ignored${suggestion}`)];
}

function nearMiss(key: string, path: FieldPath, known: Readonly<Record<string, ParameterRule>>): Problem[] {
  const candidates = [
    ...Object.keys(known),
    ...IMAGE_SETTINGS.map((setting) => IMAGE_PREFIX + setting),
    ...QUANTIZATION_SETTINGS.map((setting) => QUANTIZATION_PREFIX + setting),
  ];
  // `session.` entries are ONNX Runtime's own, far more than stand here, and much alike.
  if (key.startsWith('session.') || nearest(key, candidates) === undefined) return [];
  return [warningAt(path, `unknown parameter '${key}' is left to the backend${didYouMean(key, candidates)}`)];
}
