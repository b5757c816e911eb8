import { randomUUID } from "node:crypto";

/** Where the pictures of users lie. */
export interface AvatarStore {
  /** Save a picture under a fresh name. Where this rejects, what there is of it is not removed. */
  save(name: string, picture: Blob): Promise<void>;
  /** Remove a picture; that there is none of this name is no error. */
  remove(name: string): Promise<void>;
  /** The picture, or undefined where there is none of this name. */
  find(name: string): Promise<Blob | undefined>;
}

export const PICTURE_TYPE = "image/webp";
/**
 * No store holds a larger one. A source's ICC profile is copied along, and is the only part whose
 * size that of the picture does not limit.
 */
export const MAX_PICTURE_BYTES = 512 * 1024;

const FILE_NAME = /^[A-Za-z0-9_-]{1,100}\.webp$/;
const DRAWN_NAME = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.webp$/;

/** A name for one picture, never used for another, that nobody outside has a part in. */
export function newPictureName(): string {
  return `${randomUUID()}.webp`;
}

/** Whether a picture may have this name: nothing in it leads out of a folder. */
export function isPictureName(name: string): boolean {
  return FILE_NAME.test(name);
}

/** Whether `newPictureName` may have made this name: that of the default picture it has not. */
export function isDrawnName(name: string): boolean {
  return DRAWN_NAME.test(name);
}
