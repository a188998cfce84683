/** Every bound of the server with its reason; reaching one is a counted refusal, never a crash. */
export const LIMITS = {
  /** gRPC frames carry a 32-bit length; Triton accepts the same. */
  messageBytesMax: 2 ** 31 - 1,
  /** What a compressed message may become, since a few bytes can become a thousand times as many. */
  decompressedBytesMax: 256 << 20,
  /** All that a call of a method may send which carries no data: names, versions, questions. */
  otherRequestBytesMax: 1 << 20,
  /** Rows waiting in one model's queue, where its configuration sets no bound of its own. */
  queueRowsMax: 16_384,
  /** Bytes of inputs waiting in one model's queue: a quarter of a small machine's memory. */
  queueBytesMax: 1 << 30,
  /** Unanswered requests of the whole server; beyond it memory would grow with the clients' patience. */
  inFlightRequestsMax: 65_536,
  /** Bytes of all calls that have not ended: what has come of their requests, and answers until they are read. */
  inFlightBytesMax: 4 * 2 ** 30,
  /** Shared memory regions that clients may register; each keeps a file open. */
  sharedMemoryRegionsMax: 1024,
  /** Bytes that requests being answered have copied out of shared memory, where their messages carry none. */
  sharedMemoryCopiesBytesMax: 4 * 2 ** 30,
  /** Open gRPC connections: each takes a file descriptor, which models need, too. */
  grpcConnectionsMax: 8192,
  /** Streams per HTTP/2 connection; grpc-js leaves it unlimited. */
  streamsPerConnectionMax: 4096,
  /** What one stream may send before it is read; throughput over a network is window / round trip. */
  streamWindowBytes: 4 << 20,
  /** The same for a whole connection, which is what counts with many streams. */
  connectionWindowBytes: 16 << 20,
  /** How long requests wait for a model whose last instance has died before they are refused. */
  replacementWaitMs: 10_000,
  /** A phone's picture has 12 to 50 million pixels. */
  pixelsMax: 50_000_000,
  /** The most that a model may raise `pixelsMax` to: sharp's own bound, 16,383 x 16,383. */
  pixelsCeiling: 16_383 ** 2,
  /** Encoded bytes of one picture. */
  pictureBytesMax: 32 << 20,
  /** The most that a model may raise `pictureBytesMax` to: each picture is copied to a decoder whole. */
  pictureBytesCeiling: 1 << 30,
  /** Frames of an animation, of which the first is used. */
  framesMax: 1000,
  /** The most that a model may raise `framesMax` to. */
  framesCeiling: 100_000,
  /** How long libvips may work on one picture; what the other bounds let through takes a few seconds. */
  pictureSecondsMax: 30,
  /** Pictures waiting for a decode thread or in one, and pictures of one request. */
  decodingPicturesMax: 4096,
  /** Their encoded bytes, which are copied for the threads. */
  decodingBytesMax: 512 << 20,
  /** Bytes of the tensors they become, most of which are not there before their turn comes. */
  decodedBytesMax: 2 ** 31,
  /** The same of one request, whose tensor is in memory as a whole; 90 bytes of a picture can become megabytes. */
  requestDecodedBytesMax: 512 << 20,
  /** Elements of one BYTES input: backends make a string of each, which takes far more than its 4 bytes. */
  bytesElementsMax: 1 << 22,
  /** Inputs of one warm-up run, and all data files of one model's warm-up: what its queue may hold as well. */
  warmUpBytesMax: 1 << 30,
  /** Runs of one warm-up sample; a model that takes 10 ms takes a quarter of an hour for them. */
  warmUpRunsMax: 100_000,
  /** Batch sizes that an automatic warm-up runs; with more, those between are left out evenly. */
  warmUpSizesMax: 32,
  /** Classes of one classification answer, Triton's bound. */
  classificationElementsMax: 1_000_000,
  /** Inputs, outputs, raw contents or parameters of one request, each; models in the field have hundreds. */
  requestItemsMax: 16_384,
  /** Bytes of one name, version or id of a request, which go into log lines and texts: what HTTP headers may have. */
  nameBytesMax: 16 << 10,
  /** Bytes of one string parameter of a request. */
  stringBytesMax: 1 << 20,
  /** Open `Watch` streams of the health service; each load balancer holds one per name it asks for. */
  healthWatchesMax: 1024,
  /** Requests of one inference stream that are not answered; those behind them wait with their client. */
  streamRequestsMax: 1024,
  /** Bytes of one inference stream's requests and answers; while there are more, no further request is read. */
  streamBytesMax: 64 << 20,
  /** Bytes of answers that the client of an inference stream has not taken; a decoupled model waits then. */
  streamUnsentBytesMax: 1 << 20,
  /** How long that client may take nothing, before its stream is cut off: others wait for the same model. */
  streamStalledMs: 60_000,
  /** What it must take per second besides: a large answer leaves as a whole. */
  streamBytesPerSecondMin: 64 << 10,
  /** Answers of a decoupled model to one request whose durations are told one by one, the first ones. */
  responseStatisticsMax: 1024,
  /** Model versions, with the ones that are gone, whose failures metrics still tell. */
  metersMax: 4096,
  /** Open reflection streams; a tool needs one for a moment. */
  reflectionStreamsMax: 64,
  /** Models in one `List` of the health service, which must fit into a client's 4 MiB. */
  healthListMax: 10_000,
  /** Dimensions of one tensor; ONNX models in the field stay below 10. */
  rankMax: 64,
  /** Events of one model that are remembered. */
  historyEntriesMax: 100,
  /** Models whose events are remembered, those that are long gone included. */
  historyModelsMax: 4096,
  /** Folders of the repositories that are watched; others are only scanned. Systems allow 8,192 or more. */
  watchedFoldersMax: 4096,
  /** How long a load, or the start, waits for files that keep changing. */
  settleWaitMs: 60_000,
  /** How long a call waits for a repository that does not answer, like a network file system that hangs. */
  storeWaitMs: 30_000,
  /** How long the answer to an unload waits for requests that still run. */
  unloadWaitMs: 60_000,
  /** Requests that wait for one model while it is unloaded to make room for its replacement. */
  reloadWaitersMax: 4096,
  /** How long they wait. */
  reloadWaitMs: 60_000,
  /** Instances of one model; machines in the field have a few hundred processors. */
  instancesMax: 4096,
  /** Size of a configuration, which is read on the serving thread: those in the field have kilobytes. */
  configBytesMax: 1 << 20,
  /** Size of a label file. */
  labelBytesMax: 16 << 20,
  /** Folders and files at the top of one repository. */
  repositoryEntriesMax: 65_536,
  /** Files and folders of one model; large models in shards have hundreds. */
  modelFilesMax: 16_384,
  /** Folders within each other below a model's folder. */
  modelDepthMax: 16,
  /** Copies of models that are kept; those in use are kept beyond it. */
  cacheBytesMax: 32 * 2 ** 30,
  /** Files of a model below which it is not compiled for the machine: there is next to nothing to share. */
  compiledBytesMin: 1 << 20,
  /** Files of a version that are looked at to tell how large it is. */
  compiledFilesMax: 64,
  /** Bytes of requests of one model that are kept for its quantization. */
  recordedBytesMax: 256 << 20,
  /** What a model may return to: what is served and three before it. */
  generationsMax: 4,
  /** Models made of files that a client sent, kept per name: the one served and some that were tried. */
  sentModelsMax: 4,
  /**
   * Threads for CPU instances per core where the command line says nothing: enough for the operating
   * system to share the cores fairly between models; one costs 9 MB and 30 ms.
   */
  cpuLanesPerCore: 4,
  /** The most that the command line may ask for. */
  cpuLanesMax: 1024,
  /** Arrays and objects within each other in the JSON of a request, Triton's bound. */
  jsonDepthMax: 100,
  /** Values in the JSON of an inference request that are no data of tensors: each takes far more than its text. */
  jsonValuesMax: 1 << 18,
  /** JSON of a request that is read on the serving thread, in a millisecond; what is larger goes to a thread. */
  jsonInlineBytes: 64 << 10,
  /** Elements of an answer that are written as JSON at once: as long a time. */
  jsonInlineElements: 4 << 10,
  /** Request line and headers of one HTTP request; node's own default. */
  httpHeaderBytesMax: 16 << 10,
  /** Open HTTP connections: a client has one for each request that it waits for. */
  httpConnectionsMax: 8192,
  /** Open connections of the metrics port: scrapers need few. */
  metricsConnectionsMax: 1024,
  /** Requests that one HTTP connection may send before the first is answered. */
  httpPipelinedMax: 64,
  /** Body of one HTTP request, Triton's default of `--http-max-input-size`. */
  httpInputBytesMax: 64 << 20,
  /** Until the headers of an HTTP request have come; a slower client holds a connection for nothing. */
  httpHeadersMs: 10_000,
  /** Until a whole HTTP request has come, where it is small; larger ones get more time. */
  httpRequestMs: 30_000,
  /** What a client must send of a large request per second, on average. */
  httpBytesPerSecondMin: 64 << 10,
  /** How long a client may take nothing of its answer. */
  httpStalledMs: 60_000,
  /** How long an idle HTTP connection stays open: longer than the 60 s of common load balancers. */
  httpIdleMs: 75_000,
} as const;
