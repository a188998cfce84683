/** The name of ONNX's own domain in this room is '', whichever of its two names the file uses. */
export function domainOf(name: string): string {
  return name === 'ai.onnx' ? '' : name;
}
