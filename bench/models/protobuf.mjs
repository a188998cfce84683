// Protobuf's wire format, as far as requests and ONNX files need it. Written apart from the server's own
// writer, so that a mistake there would show as a refused request here.

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** @param {number | bigint} value not negative */
function varint(value) {
  const bytes = [];
  let rest = BigInt(value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** @param {number} field @param {number | bigint} value not negative */
export function intField(field, value) {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
}

/** @param {number} field @param {number} value a whole number, as int64 has it */
export function signedField(field, value) {
  return intField(field, BigInt.asUintN(64, BigInt(value)));
}

/** @param {number} field @param {number} value */
export function floatField(field, value) {
  const bits = Buffer.alloc(4);
  bits.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | FIXED32), bits]);
}

/** @param {number} field @param {Uint8Array} value */
export function bytesField(field, value) {
  return Buffer.concat([varint((field << 3) | BYTES), varint(value.length), value]);
}

/** @param {number} field @param {string} value */
export function textField(field, value) {
  return bytesField(field, Buffer.from(value));
}

/** @param {number} field @param {readonly Uint8Array[]} parts */
export function messageField(field, parts) {
  return bytesField(field, Buffer.concat(parts));
}
