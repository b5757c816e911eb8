import { Refusal } from "../reply.ts";
import { MAX_PICTURE_BYTES } from "./store.ts";

const MAX_PIXELS = 16_000_000;
const SIDE_PIXELS = 512;

/** Makes the pictures that are shown from the files that were uploaded. */
export class Pictures {
  /**
   * Decode a picture of whatever type its bytes are and encode it afresh as WebP, at most 512
   * pixels a side.
   * @param _signal aborted when the answer is not awaited any more
   * @throws {Refusal} 400: not a picture, or over 16 megapixels (read off its header, not decoded)
   */
  async make(
    bytes: Uint8Array<ArrayBuffer>,
    _signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    // Bytes, never a string: a string would be a path.
    const image = new Bun.Image(bytes, { maxPixels: MAX_PIXELS });
    image.resize(SIDE_PIXELS, SIDE_PIXELS, { fit: "inside", withoutEnlargement: true });
    const picture = await image.webp({ quality: 82 }).blob().catch(refuseUndecodable);
    if (picture.size <= MAX_PICTURE_BYTES) return picture.bytes();
    throw new Refusal(400, `Picture over ${MAX_PICTURE_BYTES} bytes after encoding`);
  }
}

const NOT_A_PICTURE: ReadonlySet<unknown> = new Set<Bun.Image.ErrorCode>([
  "ERR_IMAGE_UNKNOWN_FORMAT",
  "ERR_IMAGE_FORMAT_UNSUPPORTED",
  "ERR_IMAGE_DECODE_FAILED",
  "ERR_IMAGE_TOO_MANY_PIXELS",
]);

function refuseUndecodable(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (NOT_A_PICTURE.has(code)) throw new Refusal(400, `Picture refused: ${code}`);
  throw error;
}
