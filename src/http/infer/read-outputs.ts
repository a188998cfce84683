import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import { LIMITS } from '../../settings/limits.js';
import type { JsonValue } from './json/reader.js';
import type { JsonOutput } from './json-request.js';
import { arrayOf, booleanOf, isUnsigned, membersOf, textOf, toCount } from './members.js';
import { namesSharedMemory, readShared } from './read-inputs.js';

/** The outputs that a request asks for. Throws ServingError. */
export function readOutputs(value: JsonValue): JsonOutput[] {
  const outputs = arrayOf('outputs', value);
  if (outputs.length > LIMITS.requestItemsMax) {
    throw httpInferenceErrors.tooMany('outputs', LIMITS.requestItemsMax);
  }
  return outputs.map(readOutput);
}

function readOutput(value: JsonValue): JsonOutput {
  const members = membersOf(value);
  const name = textOf('name', members.get('name'));
  const parameters = membersOf(members.get('parameters'));
  const binaryData = parameters.get('binary_data');
  const binary = binaryData === undefined ? null : booleanOf('binary_data', binaryData);
  const classes = parameters.get('classification');
  if (classes !== undefined && !isUnsigned(classes)) throw httpInferenceErrors.classificationKind();
  const classification = classes === undefined ? 0 : toCount(classes);
  if (!namesSharedMemory(parameters)) return { name, classification, binary, shared: null };
  if (classification > 0) throw httpInferenceErrors.outputBothSharedAnd('classification');
  if (binary === true) throw httpInferenceErrors.outputBothSharedAnd('binary_data');
  return { name, classification, binary, shared: readShared(name, parameters) };
}
