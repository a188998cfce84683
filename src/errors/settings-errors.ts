import { ServingError } from './serving-error.js';

const invalid = (text: string): ServingError => new ServingError('INVALID_ARGUMENT', text);

/** Why settings of the log or of traces can't be changed, with Triton's texts where it has them. */
export const logErrors = {
  file: () =>
    new ServingError('UNIMPLEMENTED', 'log file location can not be updated through network protocol'),
  boolean: (setting: string) => invalid(`expect boolean for '${setting}'`),
  integer: (setting: string) => invalid(`expect int32 for '${setting}'`),
  string: (setting: string) => invalid(`expect string for '${setting}'`),
  format: (format: string) => invalid(`invalid argument for log_format, got: ${format}`),
} as const;

export const traceErrors = {
  unknownModel: (model: string) => invalid(`Request for unknown model : ${model}`),
  file: () =>
    new ServingError('UNIMPLEMENTED', 'trace file location can not be updated through network protocol'),
  notList: (setting: string) => invalid(`expect list of strings for '${setting}'`),
  offAndMore: () => invalid("Expect only one trace level 'OFF' is specified"),
  oneValue: (setting: string) => invalid(`expect only 1 value for '${setting}'`),
  noNumber: (setting: string, value: string) => invalid(`Unable to parse '${setting}', got: ${value}`),
  outOfRange: (setting: string, min: number, max: number, value: string) =>
    invalid(`Unable to parse '${setting}', value is out of range [ ${min}, ${max} ], got: ${value}`),
  tooManyModels: () =>
    new ServingError('RESOURCE_EXHAUSTED', 'Too many models have trace settings of their own'),
  obstacle: (reason: string) => invalid(`Attempting to set invalid trace setting :${reason}`),
} as const;
