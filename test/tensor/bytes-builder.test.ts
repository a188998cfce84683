import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinBytes } from '#naiad/tensor/bytes.js';
import { BytesBuilder } from '#naiad/tensor/bytes-builder.js';

it('BytesBuilder joins the UTF-8 of texts, however many and long', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 2000, size: 'max' });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), (texts) => {
      const builder = new BytesBuilder();
      for (const element of texts) builder.add(element);
      const joined = joinBytes(texts.map((element) => Buffer.from(element)));
      expect(Buffer.compare(builder.finish(), joined)).toBe(0);
    }),
    { numRuns: 50 },
  );
});
