/** How the messages of a method are read and written. */
export interface MethodCodec<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Throws for invalid bytes. */
  decode(bytes: Buffer): Request;
  encode(response: Response): Buffer;
}
