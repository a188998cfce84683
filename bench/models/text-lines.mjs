import sharp from 'sharp';

const WIDTH = 320;
const HEIGHT = 48;
const LINES = [
  'Inference Server 2026',
  'gRPC port 8001 is ready',
  'Total: $1,234.56',
  'the quick brown fox jumps',
  'over the lazy dog',
  'Weights in 4 bits',
  'Made in Italy',
  'No smoking please',
  'Chapter 7: Results',
  'name@example.org',
  '0123456789',
  'Platform 9, 10:45',
];
const FONTS = ['sans-serif', 'serif', 'monospace'];

export const TEXT_LINE_SHAPE = [3, HEIGHT, WIDTH];

/**
 * Lines of text as a net takes them that reads them: blue, green and red planes, -1 to 1, FP32.
 * @returns {Promise<Buffer[]>} one for each line and kind of font, the fonts of a line beside each other
 */
export async function textLines() {
  const lines = [];
  for (const [index, line] of LINES.entries()) {
    for (const font of FONTS) lines.push(await render(line, font, index % 2 === 0 ? '#fff' : '#e8e0d0'));
  }
  return lines;
}

/** @param {string} text @param {string} font @param {string} ground */
async function render(text, font, ground) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="${ground}"/>
<text x="6" y="33" font-family="${font}" font-size="24" fill="#111">${text}</text></svg>`;
  const pixels = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
  const places = WIDTH * HEIGHT;
  const numbers = new Float32Array(3 * places);
  for (let place = 0; place < places; place++) {
    for (let plane = 0; plane < 3; plane++) {
      numbers[plane * places + place] = (pixels[place * 3 + 2 - plane] ?? 0) / 127.5 - 1;
    }
  }
  return Buffer.from(numbers.buffer);
}
