import { createHash } from "node:crypto";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import sharp from "sharp";

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREYSCALE = 0;
const TRUECOLOUR = 2;

type Rgb = readonly [number, number, number];

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(typed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}

function header(width: number, height: number, bits: number, colour: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bits, colour], 8);
  return pngChunk("IHDR", data);
}

/** A PNG in one colour, with `extra` chunks that no decoder needs. */
export function pngOf(width: number, height: number, rgb: Rgb, extra: Buffer[] = []): Buffer {
  const row = Buffer.from([0, ...Array.from({ length: width }, () => rgb).flat()]);
  return png(width, height, Buffer.concat(Array.from({ length: height }, () => row)), extra);
}

/** A PNG that no encoder makes small: it is of many colours, and always the same. */
export function noisyPng(width: number, height: number): Buffer {
  const rows = Array.from({ length: height }, (_, y) => {
    const noise = createHash("shake256", { outputLength: 3 * width })
      .update(`${y}`)
      .digest();
    return Buffer.concat([Buffer.of(0), noise]);
  });
  return png(width, height, Buffer.concat(rows), []);
}

function png(width: number, height: number, rows: Buffer, extra: Buffer[]): Buffer {
  return Buffer.concat([
    PNG_SIGNATURE,
    header(width, height, 8, TRUECOLOUR),
    ...extra,
    pngChunk("IDAT", deflateSync(rows)),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A comment in a PNG. */
export function pngText(text: string): Buffer {
  return pngChunk("tEXt", Buffer.from(`Comment\0${text}`, "latin1"));
}

/** A whole and correct PNG of one bit per pixel: few bytes for very many pixels. */
export function blackPng(width: number, height: number): Buffer {
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  return Buffer.concat([
    PNG_SIGNATURE,
    header(width, height, 1, GREYSCALE),
    pngChunk("IDAT", deflateSync(rows)),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** What claims to be that large and has no pixels at all. */
export function pngHeader(width: number, height: number): Buffer {
  return Buffer.concat([PNG_SIGNATURE, header(width, height, 8, TRUECOLOUR)]);
}

/** The shortest GIF: one pixel of `rgb`. */
export function gifOf(rgb: Rgb): Buffer {
  return Buffer.concat([
    Buffer.from("GIF89a", "latin1"),
    Buffer.from([1, 0, 1, 0, 0x80, 0, 0, ...rgb, 0, 0, 0]),
    Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]),
  ]);
}

/** A white BMP of 24 bits a pixel. */
export function bmpOf(width: number, height: number): Buffer {
  const rows = Buffer.alloc(4 * Math.ceil((3 * width) / 4) * height, 0xff);
  const head = Buffer.alloc(54);
  head.write("BM", 0, "latin1");
  head.writeUInt32LE(head.length + rows.length, 2);
  head.writeUInt32LE(head.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, rows]);
}

/** What a HEIC of an iPhone begins with. */
export function heicHeader(): Buffer {
  return Buffer.from("\0\0\0\x24ftypheic\0\0\0\0mif1MiHEmiafMiHBheic", "latin1");
}

export async function jpegOf(width: number, height: number, rgb: Rgb): Promise<Buffer> {
  return new Bun.Image(pngOf(width, height, rgb)).jpeg({ quality: 95 }).buffer();
}

export async function webpOf(width: number, height: number, rgb: Rgb): Promise<Buffer> {
  return new Bun.Image(pngOf(width, height, rgb)).webp({ lossless: true }).buffer();
}

export function avifOf(width: number, height: number, rgb: Rgb): Promise<Buffer> {
  return sharp(pngOf(width, height, rgb))
    .avif({ lossless: true, effort: 0 })
    .toBuffer();
}

/** A JPEG whose EXIF says `secret`, as a camera says where it was. */
export function withExif(jpeg: Buffer, secret: string): Buffer {
  const text = Buffer.from(`${secret}\0`, "latin1");
  // Big-endian TIFF with one entry, ImageDescription (0x010e), whose text follows the directory.
  const tiff = Buffer.alloc(26);
  tiff.write("MM\0*", 0, "latin1");
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(1, 8);
  tiff.writeUInt16BE(0x010e, 10);
  tiff.writeUInt16BE(2, 12);
  tiff.writeUInt32BE(text.length, 14);
  tiff.writeUInt32BE(tiff.length, 18);
  const data = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff, text]);
  return Buffer.concat([jpeg.subarray(0, 2), jpegSegment(0xe1, data), jpeg.subarray(2)]);
}

export function jpegSegment(marker: number, data: Uint8Array): Buffer {
  const head = Buffer.of(0xff, marker, 0, 0);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

/** The mean colour of a picture: that of its one pixel when it is made that small. */
export async function meanColour(image: Uint8Array): Promise<number[]> {
  const png = await new Bun.Image(image).resize(1, 1).png().buffer();
  for (let at = PNG_SIGNATURE.length; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) !== "IDAT") continue;
    // The first byte is the filter, which changes nothing in a pixel without neighbours.
    return [...inflateSync(png.subarray(at + 8, at + 8 + png.readUInt32BE(at))).subarray(1, 4)];
  }
  throw new Error("Cannot read picture: no pixels");
}

/** A form with `image` as the avatar, and more fields. */
export function avatarForm(
  image: Uint8Array,
  more: Readonly<Record<string, string>> = {},
  fileName = "me.png",
  type = "image/png",
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  // A copy, since a File takes no memory that could be shared.
  form.append("profilePic", new File([new Uint8Array(image)], fileName, { type }));
  return form;
}
