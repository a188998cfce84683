import { expect, it } from 'vitest';
import { nodeOf, valueInfoOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { NO_BYTES } from '#naiad/onnx/model.js';
import { shapeFacts } from '#naiad/quantize/calibration/shape-facts.js';
import { convolutionNet, NetBuilder } from '../../support/net-builder.js';

it('tells type and shape of inputs and of whatever nodes make, -1 where a size is open', async () => {
  const net = convolutionNet();
  const facts = await shapeFacts(net);
  expect(facts.get('x')).toEqual({ elemType: DataType.float, shape: [-1, 3, 32, 32] });
  expect(facts.get('y')).toEqual({ elemType: DataType.float, shape: [-1, 10] });
  const depthwise = net.graph.nodes.filter(({ opType }) => opType === 'Conv')[1]?.outputs[0] ?? '';
  expect(facts.get(depthwise)).toEqual({ elemType: DataType.float, shape: [-1, 16, 16, 16] });
});

it('keeps to what the file says where the binding can not carry a type', async () => {
  const net = new NetBuilder();
  net.nodes.push(
    nodeOf('Cast', ['x'], ['half'], { attributes: { to: DataType.bfloat16 } }),
    nodeOf('Cast', ['half'], ['y'], { attributes: { to: DataType.float } }),
  );
  const model = net.model({ inputs: { x: [2, 3] }, outputs: ['y'] });
  const said = { ...model.graph, valueInfos: [valueInfoOf('half', DataType.bfloat16, [2, null])] };
  const facts = await shapeFacts({ ...model, graph: said });
  expect(facts.get('half')).toEqual({ elemType: DataType.bfloat16, shape: [2, -1] });
  expect(facts.get('x')).toEqual({ elemType: DataType.float, shape: [2, 3] });
});

it('takes no weights to do so: they may be more than fit into a message, or into memory', async () => {
  const net = new NetBuilder();
  const reads: string[] = [];
  const weight = (dims: readonly number[]): string => {
    const name = `large_${net.initializers.length}`;
    net.initializers.push({
      name,
      dataType: DataType.float,
      dims,
      strings: [],
      rest: NO_BYTES,
      get data(): Uint8Array {
        reads.push(name);
        return NO_BYTES;
      },
    });
    return name;
  };
  const first = net.add('MatMul', ['x', weight([16_384, 32_768])]);
  const small = net.add('Add', [first, net.floats([1], [2])]);
  net.add('MatMul', [small, weight([32_768, 16_384])], { outputs: ['y'] });
  const facts = await shapeFacts(net.model({ inputs: { x: ['n', 16_384] }, outputs: ['y'] }));
  expect(facts.get(small)).toEqual({ elemType: DataType.float, shape: [-1, 32_768] });
  expect(facts.get('y')).toEqual({ elemType: DataType.float, shape: [-1, 16_384] });
  expect(reads).toEqual([]);
});
