/** Numbers of `OrtErrorCode`, which Triton puts into its texts and the binding leaves out. */
const CODES: readonly (readonly [RegExp, number])[] = [
  [/Protobuf parsing failed/, 7],
  [/File doesn't exist/, 3],
  [/Could not find an implementation for|is not implemented/i, 9],
  [/This is an invalid model|Type Error:|Invalid model|is not a registered function\/op/i, 10],
  [
    /Got invalid dimensions|Invalid rank for|Unexpected input data type|Missing Input:|Invalid input name/i,
    2,
  ],
  // What ORT's own checks throw names the source; as a status it is a runtime exception.
  [/Status Message: \S*onnxruntime\/\S+:\d+ /, 6],
];
const CODE_FAIL = 1;

/** Place in ORT's sources that starts the text of a failed check: `/onnxruntime_src/.../model.cc:166 `. */
const SOURCE_PLACE = /\/[^\s:]*onnxruntime\/[^\s:]+\.(?:cc|cpp|cu|h|cuh|hpp):\d+ /;

/** `onnx runtime error 2: Got invalid ...`, as Triton words what ORT reports. */
export function ortErrorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = CODES.find(([pattern]) => pattern.test(text))?.[1] ?? CODE_FAIL;
  return `onnx runtime error ${code}: ${withoutSources(text).trim()}`;
}

/** The text in one line, for the reasons of failed loads. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Takes out the places in ORT's sources together with the C++ signatures that follow them. */
function withoutSources(text: string): string {
  const place = SOURCE_PLACE.exec(text);
  if (place === null) return text;
  const rest = text.slice(place.index + place[0].length);
  return text.slice(0, place.index) + withoutSources(rest.slice(signatureLength(rest)));
}

/** Length of a leading `void onnxruntime::F(int, G<H(int)>) const [with T = int] `; 0 where there is none. */
function signatureLength(text: string): number {
  const opening = /^[\w:<>,&*~ ]*?\(/.exec(text);
  if (opening === null || !opening[0].includes('::')) return 0;
  let end = closingIndex(text, opening[0].length - 1);
  // `operator()(...)` has a second list.
  while (text[end] === '(') end = closingIndex(text, end);
  if (text.startsWith(' const', end)) end += ' const'.length;
  if (text.startsWith(' [with ', end)) end = closingIndex(text, end + 1);
  return text[end] === ' ' ? end + 1 : 0;
}

/** Index behind the bracket that closes the one at `opening`; the text's length when none does. */
function closingIndex(text: string, opening: number): number {
  let depth = 0;
  for (let index = opening; index < text.length; index++) {
    const character = text[index];
    if (character === '(' || character === '[') depth++;
    if (character === ')' || character === ']') depth--;
    if (depth === 0) return index + 1;
  }
  return text.length;
}
