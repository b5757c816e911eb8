import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import type { AvatarFolder } from "../http/avatar/folder.ts";
import { type AvatarStore, isPictureName } from "../http/avatar/store.ts";
import { eachChunk, type Steps } from "./steps.ts";

export interface PicturePlaces {
  readonly from: AvatarFolder;
  readonly to: AvatarStore;
}

/** Pictures that are in flight at the same time. */
const CONCURRENT = 16;
const EVER = new Date(8.64e15);

/** Copy the pictures that are not there yet. One that is missing in the folder is left out. */
export async function copyPictures(
  names: readonly string[],
  { from, to }: PicturePlaces,
  steps: Steps,
): Promise<void> {
  const there = new Set<string>();
  for await (const some of to.list(EVER)) for (const name of some) there.add(name);
  const all = own(names);
  const left = all.filter((name) => !there.has(name));
  const total: [string, number, number] = [
    "Copying pictures",
    all.length,
    all.length - left.length,
  ];
  await eachSome(left, steps, total, async (name) => {
    const picture = await from.find(name);
    // A store cannot list names that Portico did not make, so one of those may be there already.
    if (picture && !(await to.find(name))) await to.save(name, picture);
  });
}

/** Compare all pictures byte for byte. */
export async function comparePictures(
  names: readonly string[],
  { from, to }: PicturePlaces,
  steps: Steps,
): Promise<{ readonly differences: string[]; readonly missing: string[] }> {
  const differences: string[] = [];
  const missing: string[] = [];
  const all = own(names);
  await eachSome(all, steps, ["Comparing pictures", all.length, 0], async (name) => {
    const [picture, copy] = await Promise.all([from.find(name), to.find(name)]);
    if (!picture) missing.push(name);
    else if (!copy) differences.push(`picture ${name}: is missing`);
    else if (!Buffer.from(picture).equals(copy)) differences.push(`picture ${name}: differs`);
  });
  return { differences, missing };
}

/** Without the picture that comes with Portico, and names that no picture can have. */
function own(names: readonly string[]): string[] {
  return names.filter((name) => name !== DEFAULT_PROFILE_PATH && isPictureName(name));
}

async function eachSome(
  names: readonly string[],
  steps: Steps,
  [what, total, done]: [what: string, total: number, done: number],
  work: (name: string) => Promise<void>,
): Promise<void> {
  let at = 0;
  await eachChunk(steps, [what, total, done], async () => {
    if (at >= names.length) return undefined;
    await Promise.all(names.slice(at, at + CONCURRENT).map(work));
    at += CONCURRENT;
    return done + Math.min(at, names.length);
  });
}
