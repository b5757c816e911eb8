// The limits of pictures. This file does not import TypeBox, because the decoder processes load it.

/** The size limit of an uploaded file. */
export const MAX_UPLOAD_BYTES = 8 * 1024 * 1024;
export const MAX_PIXELS = 64_000_000;
/** A pixel of an AVIF takes up to ten times the memory of a pixel in other formats. */
export const MAX_AVIF_PIXELS = 32_000_000;

/** The name of a picture, which cannot lead out of its folder. */
export const PICTURE_NAME = "^[A-Za-z0-9_-]{1,100}\\.webp$";

/** The picture of a user who has not uploaded one. */
export const DEFAULT_PROFILE_PATH = "default.webp";

/** A file in a folder whose pictures have moved to another place. It says where. */
export const MOVED_MARK = "moved";

/** "at most 8 MiB and 64 megapixels (AVIF: 32)" */
export const PICTURE_LIMITS =
  `at most ${MAX_UPLOAD_BYTES / 1024 / 1024} MiB and ${MAX_PIXELS / 1e6} megapixels ` +
  `(AVIF: ${MAX_AVIF_PIXELS / 1e6})`;
