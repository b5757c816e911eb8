import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import { AvatarBucket } from "../src/http/avatar/bucket.ts";
import { AvatarFolder } from "../src/http/avatar/folder.ts";
import { newPictureName } from "../src/http/avatar/store.ts";
import { findUnused, removeAll, type SweepParts, sweepDaily } from "../src/http/avatar/sweep.ts";
import { Child, Folder, startTcp } from "./child.ts";
import { Api, isRecord, newMember, sessionIdOf } from "./contract/client.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { startFront } from "./http-front.ts";
import { PICTURE_PLACES } from "./picture-places.ts";
import { sharedS3, type TestBucket } from "./s3.ts";
import { answers, passes, S3Line } from "./s3-line.ts";
import { startStack } from "./stack.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const PICTURE = new Uint8Array([1, 2, 3]);
/** All that is there is older than that. */
const SOON = () => new Date(Date.now() + 60_000);

/** Says that none of them is shown, and counts what it was asked for. */
function nobodyShows(asked: string[][] = []): SweepParts["user"] {
  return {
    async findUnusedPictures({ profilePaths }) {
      asked.push([...profilePaths]);
      return { unused: [...profilePaths] };
    },
  };
}

async function saveMany(
  avatars: SweepParts["avatars"] & Pick<AvatarFolder, "save">,
  count: number,
) {
  const names = Array.from({ length: count }, newPictureName);
  for (let from = 0; from < count; from += 50) {
    await Promise.all(names.slice(from, from + 50).map((name) => avatars.save(name, PICTURE)));
  }
  return names.sort();
}

describe.each(PICTURE_PLACES)("a sweep of $place", ({ open }) => {
  test("removes only pictures that no row names", async () => {
    await using place = await open();
    const { avatars } = place;
    await using stack = await startStack();
    await using front = await startFront({}, { avatars, rpcPort: stack.rpcPort });
    const shown: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { sessionId } = await newMember(stack);
      const api = new Api(front.url).withSession(sessionId);
      const { data } = await api.avatar(avatarForm(pngOf(8, 8, [1, 2, 3])));
      shown.push(String(isRecord(data) && data.profilePath));
    }
    const lost = await saveMany(avatars, 3);
    const parts = { avatars, user: stack.user };
    // None is older than an hour yet.
    expect(await findUnused(parts)).toEqual({ count: 0, unused: [] });
    const { count, unused } = await findUnused(parts, SOON());
    expect([count, [...unused].sort()]).toEqual([6, lost]);
    expect(await removeAll(avatars, unused)).toEqual([]);
    expect(await removeAll(avatars, unused)).toEqual([]);
    expect((await place.names()).sort()).toEqual(shown.sort());
  });

  test("checks many pictures in batches", async () => {
    await using place = await open();
    const { avatars } = place;
    const names = await saveMany(avatars, 1010);
    const asked: string[][] = [];
    const { count, unused } = await findUnused({ avatars, user: nobodyShows(asked) }, SOON());
    expect([count, [...unused].sort()]).toEqual([1010, names]);
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(1000);
    expect(asked.flat().sort()).toEqual(names);
    expect(await removeAll(avatars, unused)).toEqual([]);
    expect(await place.names()).toEqual([]);
  });

  test("removes nothing if a call fails, or for names that were not asked for", async () => {
    await using place = await open();
    const { avatars } = place;
    const names = await saveMany(avatars, 1001);
    let calls = 0;
    const failing: SweepParts["user"] = {
      async findUnusedPictures({ profilePaths }) {
        if (++calls === 2) throw new Error("MySQL has gone away");
        return { unused: [...profilePaths] };
      },
    };
    await expect(findUnused({ avatars, user: failing }, SOON())).rejects.toThrow("gone away");
    expect(calls).toBe(2);
    const mixedUp: SweepParts["user"] = {
      findUnusedPictures: async () => ({ unused: ["default.webp", newPictureName()] }),
    };
    expect((await findUnused({ avatars, user: mixedUp }, SOON())).unused).toEqual([]);
    expect((await place.names()).sort()).toEqual(names);
  });

  test("removes unused pictures daily, from several processes at once", async () => {
    await using place = await open();
    const { avatars } = place;
    const [kept = "", ...lost] = await saveMany(avatars, 4);
    const user: SweepParts["user"] = {
      findUnusedPictures: async ({ profilePaths }) => ({
        unused: profilePaths.filter((path) => path !== kept),
      }),
    };
    const parts = {
      user,
      avatars: { list: () => avatars.list(SOON()), remove: avatars.remove.bind(avatars) },
    };
    const times = { firstAfterMs: 20, everyMs: 40 };
    {
      using _one = sweepDaily(parts, SILENT, times);
      using _other = sweepDaily(parts, SILENT, times);
      await eventually("they are gone", async () => (await place.names()).length === 1);
    }
    expect(lost).toHaveLength(3);
    expect(await place.names()).toEqual([kept]);
  });

  test("removes nothing daily if most of many pictures seem unused", async () => {
    await using place = await open();
    const { avatars } = place;
    const names = await saveMany(avatars, 101);
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const parts = {
      user: nobodyShows(),
      avatars: { list: () => avatars.list(SOON()), remove: avatars.remove.bind(avatars) },
    };
    using _sweep = sweepDaily(parts, log, { firstAfterMs: 20, everyMs: 600_000 });
    await eventually("it says so", async () => lines.join().includes("bun run sweep --dry-run"));
    expect((await place.names()).sort()).toEqual(names);
  });
});

const SILENT = pino({ level: "silent" });

describe("a sweep of a folder", () => {
  test("keeps files that Portico has not named, and removes unfinished saves", async () => {
    await using folder = await Folder.make();
    const name = newPictureName();
    const foreign = [
      "default.webp",
      "logo.webp",
      "me.png",
      "README",
      ".hidden",
      name.replace("webp", "png"),
      `${name}.bak`,
      `x${name}`,
      name.toUpperCase(),
      "notes.part",
    ];
    for (const each of foreign) await Bun.write(join(folder.path, each), "x");
    await mkdir(join(folder.path, newPictureName()));
    await mkdir(join(folder.path, "more"));
    await Bun.write(join(folder.path, "more", newPictureName()), "x");
    const before = await readdir(folder.path, { recursive: true });
    const left = `${newPictureName()}.part`;
    await Bun.write(join(folder.path, left), "x");
    const avatars = new AvatarFolder(folder.path);
    const { unused } = await findUnused({ avatars, user: nobodyShows() }, SOON());
    expect(unused).toEqual([left]);
    await removeAll(avatars, unused);
    expect((await readdir(folder.path, { recursive: true })).sort()).toEqual(before.sort());
  });

  test("that does not exist yet finds nothing", async () => {
    const avatars = new AvatarFolder("/nowhere/avatars");
    expect(await findUnused({ avatars, user: nobodyShows() }, SOON())).toEqual({
      count: 0,
      unused: [],
    });
  });

  test("waits until a picture is an hour old", async () => {
    await using folder = await Folder.make();
    const avatars = new AvatarFolder(folder.path);
    const [young = "", old = ""] = await saveMany(avatars, 2);
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await utimes(join(folder.path, young), minutesAgo(59), minutesAgo(59));
    await utimes(join(folder.path, old), minutesAgo(61), minutesAgo(61));
    const { unused } = await findUnused({ avatars, user: nobodyShows() });
    expect(unused).toEqual([old]);
  });
});

describe("a sweep of S3", () => {
  const newBucket = async () => (await sharedS3()).createBucket();

  test("keeps files that Portico has not named, and other folders", async () => {
    const bucket = await newBucket();
    const root = new AvatarBucket({ ...bucket.access, prefix: "" });
    await bucket.write("logo.webp", PICTURE);
    await bucket.write(`more/${newPictureName()}`, PICTURE);
    const name = newPictureName();
    await bucket.write(name, PICTURE);
    const user = nobodyShows();
    expect((await findUnused({ avatars: root, user }, SOON())).unused).toEqual([]);
    const avatars = new AvatarBucket(bucket.access);
    expect((await findUnused({ avatars, user }, SOON())).unused).toEqual([name]);
  });

  test.each([
    ["refuses a list", answers(403, "AccessDenied"), "S3 answered 403 AccessDenied"],
    ["answers with something else", answers(200, "Welcome"), "the answer of S3 is not a listing"],
  ])("that %s removes nothing", async (_, fault, message) => {
    const bucket = await newBucket();
    await saveMany(new AvatarBucket(bucket.access), 1001);
    await using line = await S3Line.open((await sharedS3()).port);
    const avatars = new AvatarBucket(bucket.through(line.port).access);
    line.script = [passes, fault];
    await expect(findUnused({ avatars, user: nobodyShows() }, SOON())).rejects.toThrow(message);
    expect(line.requests).toHaveLength(2);
    expect(await bucket.names()).toHaveLength(1001);
  });
});

const environmentOf = ({ environment }: TestBucket) =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );

describe("bun run sweep", () => {
  test("lists unused pictures, removes them, and prints how many", async () => {
    await using folder = await Folder.make();
    const path = join(folder.path, "avatars");
    await using tcp = startTcp(folder.path);
    const address = await tcp.listening();
    await using http = new Child("src/http-main.ts", {
      environment: { DATA_DIR: folder.path, HTTP_PORT: "0", RPC_ADDRESSES: address },
    });
    const api = new Api(await http.listening());
    await api.signUp("grace", "hopper1906");
    const session = api.withSession(sessionIdOf(await api.signIn("grace", "hopper1906")));
    const uploaded = await session.avatar(avatarForm(pngOf(8, 8, [1, 2, 3])));
    const shown = String(isRecord(uploaded.data) && uploaded.data.profilePath);
    const [lost = ""] = await saveMany(new AvatarFolder(path), 1);
    const young = newPictureName();
    await Bun.write(join(path, young), PICTURE);
    const longAgo = new Date(Date.now() - 2 * 3600_000);
    for (const name of [shown, lost]) await utimes(join(path, name), longAgo, longAgo);
    const sweep = (environment: Record<string, string>, ...args: string[]) =>
      new Child("src/sweep-main.ts", {
        environment: { DATA_DIR: folder.path, ...environment },
        args,
      });

    await using away = sweep({ RPC_ADDRESSES: "127.0.0.1:1" });
    expect(await away.exited()).toBe(3);
    expect(away.output).toStartWith("Nothing is removed: ");
    await using dry = sweep({ RPC_ADDRESSES: address }, "--dry-run");
    expect(await dry.exited()).toBe(0);
    expect(dry.output).toContain(`${lost}\n`);
    expect(dry.output).toContain("Unused: 1 of 2 pictures that are older than an hour\n");
    expect((await readdir(path)).sort()).toEqual([shown, lost, young].sort());
    await using real = sweep({ RPC_ADDRESSES: address });
    expect(await real.exited()).toBe(0);
    expect(real.output).toBe("Removed 1 of 2 pictures that are older than an hour\n");
    expect((await readdir(path)).sort()).toEqual([shown, young].sort());
    await using wrong = sweep({ RPC_ADDRESSES: "nonsense" });
    expect(await wrong.exited()).toBe(2);
  });

  test("works on S3", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path);
    const bucket = await (await sharedS3()).createBucket();
    await saveMany(new AvatarBucket(bucket.access), 2);
    const environment = { ...environmentOf(bucket), RPC_ADDRESSES: await tcp.listening() };
    await using child = new Child("src/sweep-main.ts", { environment });
    expect(await child.exited()).toBe(0);
    // They are too young.
    expect(child.output).toBe("Removed 0 of 0 pictures that are older than an hour\n");
    expect(await bucket.names()).toHaveLength(2);
  });
});
