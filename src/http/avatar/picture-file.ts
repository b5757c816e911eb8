// Detects the format of a file from its content, and keeps only the parts that show its first
// frame. Decoders also process the other parts (comments, frames, scans), so that a small file can
// take minutes.

/** Why a file is refused. `decoder-pool.ts` has the texts for clients. */
export type PictureFault = "broken" | "format" | "heic" | "pixels" | "scans";

export class PictureError extends Error {
  override readonly name = "PictureError";
  readonly fault: PictureFault;

  constructor(fault: PictureFault, options?: ErrorOptions) {
    super(`Cannot take picture: ${fault}`, options);
    this.fault = fault;
  }
}

/** The space around the first frame of a GIF, if it does not cover the canvas. */
export interface Margins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface PictureFile {
  readonly format: "jpeg" | "png" | "webp" | "gif" | "avif";
  readonly bytes: Uint8Array;
  readonly margins?: Margins;
}

/** Progressive JPEGs of real programs have up to 17 scans. Each scan covers the whole picture. */
export const MAX_SCANS = 100;
/** A JPEG cannot hold more, and cameras write no more in other formats. */
const MAX_EXIF_BYTES = 64 * 1024;
const HEIF_BRANDS = /^(hei[cmsxv]|hev[cmsx]|mif1|msf1)$/;
const AVIF_BRANDS = /^avi[fs]$/;
const PNG_SIGNATURE = "\x89PNG\r\n\x1a\n";
const PNG_KEPT = new Set(["IHDR", "PLTE", "tRNS", "iCCP", "eXIf", "IDAT", "IEND"]);
const WEBP_KEPT = new Set(["VP8X", "VP8 ", "VP8L", "ALPH", "ICCP", "ANIM", "EXIF"]);

/** @throws {PictureError} */
export function readPictureFile(file: Uint8Array<ArrayBuffer>): PictureFile {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const text = (from: number, to: number) => bytes.toString("latin1", from, to);
  if (text(0, 3) === "\xff\xd8\xff") return { format: "jpeg", bytes: stripJpeg(bytes) };
  if (text(0, 8) === PNG_SIGNATURE) return { format: "png", bytes: stripPng(bytes) };
  if (/^GIF8[79]a$/.test(text(0, 6))) return { format: "gif", ...stripGif(bytes) };
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") {
    return { format: "webp", bytes: stripWebp(bytes) };
  }
  if (text(4, 8) === "ftyp") {
    const size = Math.min(bytes.readUInt32BE(0), bytes.length, 256);
    const brands = [text(8, 12)];
    for (let at = 16; at + 4 <= size; at += 4) brands.push(text(at, at + 4));
    if (brands.some((brand) => AVIF_BRANDS.test(brand))) {
      return { format: "avif", bytes: withFirstBrand(bytes, "avif") };
    }
    if (brands.some((brand) => HEIF_BRANDS.test(brand))) throw new PictureError("heic");
  }
  throw new PictureError("format");
}

/**
 * Replace the first brand. libvips looks only at that one, and does not know the brand of an
 * animation. The other brands may also mean HEIC.
 */
function withFirstBrand(bytes: Buffer<ArrayBuffer>, brand: string): Buffer<ArrayBuffer> {
  const branded = Buffer.from(bytes);
  branded.write(brand, 8, "latin1");
  return branded;
}

/**
 * Keep tables, the first EXIF, the colour profile and scans. Add the end marker if it is missing.
 */
function stripJpeg(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const kept = [bytes.subarray(0, 2)];
  let scans = 0;
  let hasExif = false;
  let at = bytes.indexOf(0xff, 2);
  while (at >= 0 && at + 4 <= bytes.length) {
    const marker = bytes[at + 1] ?? 0;
    const isStandalone = marker === 0xff || marker === 0 || (marker >= 0xd0 && marker <= 0xd8);
    if (marker === 0xd9) break;
    if (isStandalone) {
      at = bytes.indexOf(0xff, at + (marker === 0xff ? 1 : 2));
      continue;
    }
    let end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker === 0xda) {
      if (++scans > MAX_SCANS) throw new PictureError("scans");
      end = endOfScan(bytes, end);
    }
    const isExif = marker === 0xe1 && bytes.toString("latin1", at + 4, at + 9) === "Exif\0";
    const isProfile =
      marker === 0xe2 && bytes.toString("latin1", at + 4, at + 15) === "ICC_PROFILE";
    const isExtra = (marker >= 0xe1 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (!isExtra || isProfile || (isExif && !hasExif)) kept.push(bytes.subarray(at, end));
    hasExif ||= isExif;
    at = bytes.indexOf(0xff, end);
  }
  return Buffer.concat([...kept, Buffer.of(0xff, 0xd9)]);
}

/** The index of the marker that ends a scan, which is not a stuffed 0xff or a restart marker. */
function endOfScan(bytes: Buffer<ArrayBuffer>, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
    at = bytes.indexOf(0xff, at + (next === 0xff ? 1 : 2));
  }
  return bytes.length;
}

/** Keep the chunks that show the picture: no texts, no animation. */
function stripPng(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const kept = [bytes.subarray(0, PNG_SIGNATURE.length)];
  const seen = new Set<string>();
  for (let at = PNG_SIGNATURE.length; at + 12 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const end = at + 12 + size;
    const isRepeated = type !== "IDAT" && seen.has(type);
    const isTooLong = type === "eXIf" && size > MAX_EXIF_BYTES;
    if (PNG_KEPT.has(type) && !isRepeated && !isTooLong) {
      // Move EXIF to follow IHDR: libvips does not see it after the pixels.
      const index = type === "eXIf" ? 2 : kept.length;
      kept.splice(index, 0, bytes.subarray(at, end));
    }
    seen.add(type);
    at = end;
  }
  return Buffer.concat(kept);
}

/** Keep the canvas, and only the first frame of an animation. */
function stripWebp(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const kept = [Buffer.from(bytes.subarray(0, 12))];
  let hasFrame = false;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const type = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const end = at + 8 + size + (size % 2);
    const isFirstFrame: boolean = type === "ANMF" && !hasFrame;
    const isTooLong = type === "EXIF" && size > MAX_EXIF_BYTES;
    if (isFirstFrame || (WEBP_KEPT.has(type) && !isTooLong)) kept.push(bytes.subarray(at, end));
    hasFrame ||= isFirstFrame;
    at = end;
  }
  const stripped = Buffer.concat(kept);
  stripped.writeUInt32LE(stripped.length - 8, 4);
  return stripped;
}

/**
 * Keep the first frame, on a canvas of its size: decoders differ in how they draw the rest of the
 * canvas.
 */
function stripGif(bytes: Buffer<ArrayBuffer>): { bytes: Buffer<ArrayBuffer>; margins?: Margins } {
  const screen = bytes.subarray(0, endOfColours(bytes, 13, bytes[10] ?? 0));
  let control = bytes.subarray(0, 0);
  let at = screen.length;
  while (bytes[at] === 0x21) {
    const end = endOfBlocks(bytes, at + 2);
    if (bytes[at + 1] === 0xf9) control = bytes.subarray(at, end);
    at = end;
  }
  if (bytes[at] !== 0x2c || at + 10 > bytes.length) throw new PictureError("broken");
  const end = endOfBlocks(bytes, endOfColours(bytes, at + 10, bytes[at + 9] ?? 0) + 1);
  const canvas = Buffer.from(screen);
  const frame = Buffer.from(bytes.subarray(at, end));
  const [left, top] = [frame.readUInt16LE(1), frame.readUInt16LE(3)];
  // A frame that is larger than the canvas enlarges the canvas, as in browsers.
  const right = Math.max(0, canvas.readUInt16LE(6) - left - frame.readUInt16LE(5));
  const bottom = Math.max(0, canvas.readUInt16LE(8) - top - frame.readUInt16LE(7));
  frame.copy(canvas, 6, 5, 9);
  frame.fill(0, 1, 5);
  const hasMargins = left + top + right + bottom > 0;
  return {
    bytes: Buffer.concat([canvas, control, frame, Buffer.of(0x3b)]),
    ...(hasMargins && { margins: { left, top, right, bottom } }),
  };
}

/** @param flags of the descriptor before the colours: whether there are any, and how many */
function endOfColours(bytes: Buffer<ArrayBuffer>, from: number, flags: number): number {
  return Math.min(bytes.length, from + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0));
}

/** The index after the empty block that ends a sequence of blocks. */
function endOfBlocks(bytes: Buffer<ArrayBuffer>, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0);
  return Math.min(bytes.length, at + 1);
}
