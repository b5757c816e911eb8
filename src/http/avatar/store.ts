import { randomUUID } from "node:crypto";
import { PICTURE_NAME } from "../../../schema/picture.ts";

/** Keeps the pictures of users. */
export interface AvatarStore {
  /**
   * Save a picture under a new name, whole or not at all. If this rejects, the picture may still
   * exist, or appear later.
   */
  save(name: string, picture: Uint8Array<ArrayBuffer>, timeoutMs?: number): Promise<void>;
  /** Remove a picture, or the remains of a failed save. A name that does not exist is no error. */
  remove(name: string): Promise<void>;
  /** The picture of this name, or undefined. */
  find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * List the names of pictures, and of remains of failed saves, that are older than `before`: up to
   * 1,000 at a time. Other files are ignored.
   */
  list(before: Date): AsyncIterable<readonly string[]>;
}

export const PICTURE_TYPE = "image/webp";
/** The size limit of a picture. Most pictures need a tenth of it. */
export const MAX_PICTURE_BYTES = 512 * 1024;

const FILE_NAME = new RegExp(PICTURE_NAME);
const GENERATED_NAME = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.webp$/;
const UNFINISHED = ".part";

/** A new name, of random bits: clients have no influence on it. */
export function newPictureName(): string {
  return `${randomUUID()}.webp`;
}

/** Whether a picture may have this name, which cannot lead out of a folder. */
export function isPictureName(name: string): boolean {
  return FILE_NAME.test(name);
}

/** Whether `newPictureName()` can have made this name. False for the default picture. */
export function isGeneratedName(name: string): boolean {
  return GENERATED_NAME.test(name);
}

/** The name of a picture while it is being saved. */
export function unfinishedName(name: string): string {
  return name + UNFINISHED;
}

/** Whether this is the name of an unfinished save. */
export function isUnfinished(name: string): boolean {
  return name.endsWith(UNFINISHED) && isGeneratedName(name.slice(0, -UNFINISHED.length));
}
