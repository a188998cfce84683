/** Every bound of the server with its reason; reaching one is a counted refusal, never a crash. */
export const LIMITS = {
  /** gRPC frames carry a 32-bit length; Triton accepts the same. */
  messageBytesMax: 2 ** 31 - 1,
  /** Rows waiting in one model's queue, where its configuration sets no bound of its own. */
  queueRowsMax: 16_384,
  /** Bytes of inputs waiting in one model's queue: a quarter of a small machine's memory. */
  queueBytesMax: 1 << 30,
  /** Unanswered requests of the whole server; beyond it memory would grow with the clients' patience. */
  inFlightRequestsMax: 65_536,
  /** Bytes of unanswered requests of the whole server. */
  inFlightBytesMax: 4 * 2 ** 30,
  /** Streams per HTTP/2 connection; grpc-js leaves it unlimited. */
  streamsPerConnectionMax: 4096,
  /** What one stream may send before it is read; throughput over a network is window / round trip. */
  streamWindowBytes: 4 << 20,
  /** The same for a whole connection, which is what counts with many streams. */
  connectionWindowBytes: 16 << 20,
  /** A phone's picture has 12 to 50 million pixels. */
  pixelsMax: 50_000_000,
  /** Encoded bytes of one picture. */
  pictureBytesMax: 32 << 20,
  /** Frames of an animation, of which the first is used. */
  framesMax: 1000,
  /** Classes of one classification answer, Triton's bound. */
  classificationElementsMax: 1_000_000,
  /** Dimensions of one tensor; ONNX models in the field stay below 10. */
  rankMax: 64,
  /** Size of a configuration or label file. */
  configBytesMax: 16 << 20,
} as const;
