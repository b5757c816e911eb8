import sharp, { type Sharp } from "sharp";
import { MAX_AVIF_PIXELS, MAX_PIXELS } from "../../../schema/picture.ts";
import { type Margins, PictureError, type PictureFile, readPictureFile } from "./picture-file.ts";
import { MAX_PICTURE_BYTES } from "./store.ts";

const SIDE_PIXELS = 512;
/** Up to this size, lossy encoding blurs drawings, and lossless costs few bytes. */
const LOSSLESS_SIDE_PIXELS = 128;
/** Drawings and screenshots stay below this, and lossy encoding would not make them smaller. */
const LOSSLESS_BYTES = 64 * 1024;
const LOSSLESS = { lossless: true, effort: 2 };
/** Above this size, a WebP is scaled down while it is read, which saves half a gigabyte. */
const BIG_WEBP_PIXELS = 16_000_000;
const LOSSY = { quality: 82, smartSubsample: true };
/** The quality for noise, which would exceed MAX_PICTURE_BYTES at the usual one. */
const LOSSIER = { quality: 50, alphaQuality: 50 };
/** Warnings about JPEGs of some programs whose pixels are complete. */
const HARMLESS_WARNING = /extraneous bytes|SOS parameters|revision number/;
const TRANSPARENT = { r: 0, g: 0, b: 0, alpha: 0 };

// The process decodes one picture at a time, and never the same one twice.
sharp.cache(false);
sharp.concurrency(1);
// libvips reads many formats; allow only these.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Nsgif", "Heif"].map((name) => `VipsForeignLoad${name}Buffer`),
});

/**
 * Decode a picture, whose format is detected from its content. Encode its first frame as a new
 * WebP: at most 512 by 512 pixels, cropped to a square around the centre, upright, in sRGB, and
 * without metadata.
 * @throws {PictureError}
 */
export async function decodePicture(upload: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const file = readPictureFile(upload);
  try {
    return await decode(file, "warning").catch((error: unknown) => {
      // libvips paints a missing part of a picture grey, and only warns about it.
      if (!HARMLESS_WARNING.test(messageOf(error))) throw error;
      return decode(file, "truncated");
    });
  } catch (cause) {
    if (cause instanceof PictureError) throw cause;
    const isTooLarge = messageOf(cause).includes("exceeds pixel limit");
    throw new PictureError(isTooLarge ? "pixels" : "broken", { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

async function decode(
  { format, bytes, margins }: PictureFile,
  failOn: "warning" | "truncated",
): Promise<Uint8Array> {
  const limitInputPixels = format === "avif" ? MAX_AVIF_PIXELS : MAX_PIXELS;
  const frame = sharp(bytes, { limitInputPixels, failOn, autoOrient: true });
  const { width, height, depth, hasProfile, space, mediaType } = await frame.metadata();
  if (mediaType !== `image/${format}`) throw new PictureError("format");
  const picture = margins ? await surround(frame, width, height, margins) : frame;
  const side = Math.min(
    SIDE_PIXELS,
    width + (margins ? margins.left + margins.right : 0),
    height + (margins ? margins.top + margins.bottom : 0),
  );
  // sharp applies a profile only at 8 bits per channel, so convert deeper pictures here. Not all of
  // them: this would prevent scaling a JPEG down while it is read.
  if (hasProfile && depth !== "uchar") {
    picture.pipelineColourspace(space === "grey16" ? "b-w" : "srgb");
  }
  const fastShrinkOnLoad = format === "webp" && width * height > BIG_WEBP_PIXELS;
  picture.resize(side, side, { fastShrinkOnLoad }).toColourspace("srgb");
  const square = await pixelsOf(picture);
  return encode(square, side <= LOSSLESS_SIDE_PIXELS, format === "png" || format === "gif");
}

/** Put a frame on its canvas, which is transparent outside the frame. */
async function surround(
  frame: Sharp,
  width: number,
  height: number,
  margins: Margins,
): Promise<Sharp> {
  const { left, top, right, bottom } = margins;
  if ((left + width + right) * (top + height + bottom) > MAX_PIXELS) {
    throw new PictureError("pixels");
  }
  return pixelsOf(frame.ensureAlpha().extend({ ...margins, background: TRANSPARENT }));
}

/** Render the pixels of a picture, so that it can be encoded more than once. */
async function pixelsOf(picture: Sharp): Promise<Sharp> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels } });
}

/** @param isDrawn it may be a drawing or a screenshot: photos are rarely in its format */
async function encode(square: Sharp, isSmall: boolean, isDrawn: boolean): Promise<Uint8Array> {
  if (isSmall || isDrawn) {
    const lossless = await square.clone().webp(LOSSLESS).toBuffer();
    if (isSmall || lossless.length <= LOSSLESS_BYTES) return lossless;
  }
  const lossy = await square.clone().webp(LOSSY).toBuffer();
  if (lossy.length <= MAX_PICTURE_BYTES) return lossy;
  return square.clone().webp(LOSSIER).toBuffer();
}
