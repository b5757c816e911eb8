import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AvatarBucket } from "../src/http/avatar/bucket.ts";
import { AvatarFolder } from "../src/http/avatar/folder.ts";
import type { AvatarStore } from "../src/http/avatar/store.ts";
import { Folder } from "./child.ts";
import { sharedS3 } from "./s3.ts";

/** A place for pictures, empty at first. */
export interface PicturePlace extends AsyncDisposable {
  readonly avatars: AvatarStore;
  /** The names of the pictures in it. */
  names(): Promise<string[]>;
}

/** All kinds of places. Each test of pictures runs on all of them. */
export const PICTURE_PLACES = [
  { place: "a folder", open: openFolder },
  { place: "S3", open: openBucket },
] as const;

async function openFolder(): Promise<PicturePlace> {
  const folder = await Folder.make();
  const path = join(folder.path, "avatars");
  return {
    avatars: new AvatarFolder(path),
    names: () => readdir(path).catch(() => []),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function openBucket(): Promise<PicturePlace> {
  const bucket = await (await sharedS3()).createBucket();
  return {
    avatars: new AvatarBucket(bucket.access),
    names: () => bucket.names(),
    async [Symbol.asyncDispose]() {}, // The server goes with all buckets.
  };
}
