import { systemClock } from '../lib/clock.js';
import type { ParsedFlags } from '../settings/parse-flags.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { readGrpcAddress } from './address.js';
import { ServerClient } from './client.js';
import { INFER_FLAGS as FLAGS } from './client-flags.js';
import { readFlags } from './command.js';
import { EXIT, UsageError } from './exit-codes.js';
import { readHeaders } from './headers.js';
import { type GivenSource, type Source, toInputTensors, toSignatures } from './infer-inputs.js';
import { formatResult, toResult } from './infer-result.js';
import type { Io } from './io.js';
import { formatLatencies, type LatencySummary, summarize } from './latencies.js';
import type { InferResponseMessage, ModelMetadataMessage } from './messages.js';
import { type Progress, startProgress } from './progress.js';
import { withKnownModels } from './read-index.js';
import { parseJson, readSource } from './read-source.js';

/** Sends one request, or the same one several times, and prints the answer. */
export async function infer(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(FLAGS));
  const [model, ...files] = flags.positionals;
  if (model === undefined) throw new UsageError('which model? naiad infer MODEL [FILE...]');
  const named = readNamedInputs(flags);
  const address = readGrpcAddress(flags.get(FLAGS.url));
  const given: GivenSource[] = [
    ...(await Promise.all(
      named.map(async ({ name, value }) => ({ input: name, source: await readValue(value) })),
    )),
    ...(await Promise.all(files.map(async (path) => ({ input: null, source: await readSource(path) })))),
  ];

  const client = new ServerClient(address, flags.get(FLAGS.timeout), readHeaders(flags.all(FLAGS.header)));
  const progress = startProgress(io);
  try {
    const version = flags.get(FLAGS.modelVersion);
    progress.show(`waiting for ${address}`);
    const metadata = await client.call<ModelMetadataMessage>('ModelMetadata', { name: model, version });
    const tensors = toInputTensors(model, toSignatures(metadata), given);
    const request = toRequest(model, version, tensors, outputNames(flags, metadata), flags.get(FLAGS.top));
    const { response, latencies } = await send(client, request, flags.get(FLAGS.repeat), progress);
    progress.end();

    const result = toResult(response);
    if (flags.get(FLAGS.json)) {
      const timing = flags.given(FLAGS.repeat) ? { latency_ms: latencies } : {};
      io.out(`${JSON.stringify({ ...result, ...timing })}\n`);
      return EXIT.ok;
    }
    // Without names there is one input; a file may hold several rows, which have no names then.
    const isRowAFile = named.length === 0 && files.length > 1 && tensors[0]?.shape[0] === files.length;
    const rowNames = isRowAFile ? files : [];
    io.out(formatResult(result, { classes: flags.given(FLAGS.top), rowNames, columns: io.columns }));
    if (flags.given(FLAGS.repeat)) io.out(formatLatencies(latencies));
    return EXIT.ok;
  } catch (error) {
    throw await withKnownModels(client, error, model);
  } finally {
    progress.end();
    client.close();
  }
}

/** All `--input NAME=VALUE`; throws {@link UsageError} with each that is none. */
function readNamedInputs(flags: ParsedFlags): { name: string; value: string }[] {
  const inputs = flags.all(FLAGS.input).map((text) => {
    const equals = text.indexOf('=');
    return { text, name: text.slice(0, Math.max(0, equals)), value: text.slice(equals + 1) };
  });
  const wrong = inputs.filter(({ name, value }) => name === '' || value === '');
  if (wrong.length > 0) {
    throw new UsageError(...wrong.map(({ text }) => `--input=${text}: expected NAME=FILE or NAME=JSON`));
  }
  return inputs;
}

/** JSON where it is JSON, else a file. */
async function readValue(value: string): Promise<Source> {
  const json = parseJson(value);
  if (json !== undefined) return { kind: 'json', label: shorten(value), value: json };
  return readSource(value, '; it is no JSON either (write a text as \'"text"\')');
}

function outputNames(flags: ParsedFlags, metadata: ModelMetadataMessage): readonly string[] {
  const names = flags.all(FLAGS.output);
  // Classes are asked for by output; without them no list means all.
  return names.length === 0 && flags.given(FLAGS.top) ? metadata.outputs.map(({ name }) => name) : names;
}

function toRequest(
  model: string,
  version: string,
  tensors: readonly NamedTensor[],
  outputs: readonly string[],
  top: number,
): object {
  const parameters = top > 0 ? { classification: { int64_param: top } } : {};
  return {
    model_name: model,
    model_version: version,
    inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    outputs: outputs.map((name) => ({ name, parameters })),
    raw_input_contents: tensors.map(({ data }) => data),
  };
}

async function send(
  client: ServerClient,
  request: object,
  times: number,
  progress: Progress,
): Promise<{ response: InferResponseMessage; latencies: LatencySummary }> {
  const latenciesNs: number[] = [];
  const startNs = systemClock.nowNs();
  let response: InferResponseMessage;
  do {
    progress.show(times === 1 ? 'waiting for the answer' : `${latenciesNs.length} of ${times} requests`);
    const sentNs = systemClock.nowNs();
    response = await client.call<InferResponseMessage>('ModelInfer', request);
    latenciesNs.push(systemClock.nowNs() - sentNs);
  } while (latenciesNs.length < times);
  return { response, latencies: summarize(latenciesNs, systemClock.nowNs() - startNs) };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
