import sharp, { type Sharp } from 'sharp';

/** A rectangle in pixels of its picture. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** `contain` keeps the proportions and fills the rest with black; `stretch` does not keep them. */
export type Resize = 'contain' | 'stretch';

/** A picture file, decoded when its pixels are asked for. */
export class Picture {
  readonly #file: string;
  readonly #area: Box | undefined;

  constructor(file: string, area?: Box) {
    this.#file = file;
    this.#area = area;
  }

  /** The part of this picture inside the box. */
  crop(area: Box): Picture {
    return new Picture(this.#file, area);
  }

  async size(): Promise<PictureSize> {
    if (this.#area !== undefined) return this.#area;
    const { width, height } = await sharp(this.#file).metadata();
    return { width, height };
  }

  /** Red, green and blue bytes, row by row, of the picture brought to a square of this many pixels. */
  async rgb(pixels: number, resize: Resize): Promise<Uint8Array> {
    const fit = resize === 'contain' ? 'contain' : 'fill';
    const bytes = await this.#pipeline()
      .resize(pixels, pixels, { fit, background: '#000', kernel: 'linear' })
      .raw()
      .toBuffer();
    return Uint8Array.from(bytes);
  }

  /** A JPEG of the picture, not wider and not higher than `pixelsMax`. */
  async jpeg(quality: number, pixelsMax: number): Promise<Uint8Array> {
    const resized = this.#pipeline().resize(pixelsMax, pixelsMax, {
      fit: 'inside',
      withoutEnlargement: true,
    });
    return resized.jpeg({ quality, mozjpeg: true }).toBuffer();
  }

  #pipeline(): Sharp {
    const picture = sharp(this.#file).removeAlpha().toColourspace('srgb');
    return this.#area === undefined ? picture : picture.extract(this.#area);
  }
}
