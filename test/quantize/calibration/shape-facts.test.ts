import { expect, it } from 'vitest';
import { nodeOf, valueInfoOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
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
