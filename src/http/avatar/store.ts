import { randomUUID } from "node:crypto";
import { PICTURE_NAME } from "../../../schema/picture.ts";

/** Where the pictures of users lie. */
export interface AvatarStore {
  /**
   * Save a picture under a fresh name, whole or not at all. Where this rejects, it may be there all
   * the same, or come yet.
   */
  save(name: string, picture: Uint8Array<ArrayBuffer>, timeoutMs?: number): Promise<void>;
  /** Remove a picture or what is left of a save; that there is none of this name is no error. */
  remove(name: string): Promise<void>;
  /** The picture, or undefined where there is none of this name. */
  find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * The names of what uploads have saved before that time, pictures and what is left of saves, at
   * most 1,000 at once. What has another name is not ours.
   */
  list(before: Date): AsyncIterable<readonly string[]>;
}

export const PICTURE_TYPE = "image/webp";
/** No store holds a larger one. Pictures of 512 by 512 pixels have a tenth of it, most of them. */
export const MAX_PICTURE_BYTES = 512 * 1024;

const FILE_NAME = new RegExp(PICTURE_NAME);
const GENERATED_NAME = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.webp$/;
const UNFINISHED = ".part";

/** A name for one picture, never used for another; no client has a part in it. */
export function newPictureName(): string {
  return `${randomUUID()}.webp`;
}

/** Whether a picture may have this name: nothing in it leads out of a folder. */
export function isPictureName(name: string): boolean {
  return FILE_NAME.test(name);
}

/** Whether `newPictureName` may have made this name: that of the default picture it has not. */
export function isGeneratedName(name: string): boolean {
  return GENERATED_NAME.test(name);
}

/** The name of a picture until all of it is saved. */
export function unfinishedName(name: string): string {
  return name + UNFINISHED;
}

/** Whether this is what is left of a save. */
export function isUnfinished(name: string): boolean {
  return name.endsWith(UNFINISHED) && isGeneratedName(name.slice(0, -UNFINISHED.length));
}
