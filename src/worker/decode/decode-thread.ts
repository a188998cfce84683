import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { DecodeReply, DecodeTask } from './decode-message.js';
import { TensorWriter } from './tensor-writer.js';

/** Entry of a decode thread. */

/**
 * Decodes the pictures of one task, one at a time: libvips works on them in libuv's pool, which all
 * threads of the process share, and more of them at once would take that from file reads. Stops at the
 * first picture that can't be decoded; rejects for what is no picture's fault only.
 */
export default async function decode(task: DecodeTask): Promise<unknown> {
  return withTransfer(await decodeTask(task));
}

async function decodeTask({ spec, bytes, sizes }: DecodeTask): Promise<DecodeReply> {
  // Imported here because piscina loses tasks when a thread's first import fails.
  const { readPicture } = await import('./read-picture.js');
  const writer = new TensorWriter(spec);
  const tensor = writer.allocate(sizes.length);
  let offset = 0;
  for (const [index, size] of sizes.entries()) {
    const reading = await readPicture(spec, bytes.subarray(offset, offset + size));
    if (reading.kind === 'refused') return { kind: 'refused', problem: { index, reason: reading.reason } };
    writer.write(tensor, index, reading.placed);
    offset += size;
  }
  return { kind: 'decoded', data: new Uint8Array(tensor.buffer) };
}

function withTransfer(reply: DecodeReply): unknown {
  if (reply.kind === 'refused') return reply;
  return move({ [transferableSymbol]: reply.data.buffer, [valueSymbol]: reply });
}
