import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoreDataDir } from "../src/backup/restore.ts";
import { Child, Folder, startHttp, startTcp } from "./child.ts";
import { Api, newMember, newName, profileOf, sessionIdOf } from "./contract/client.ts";
import { savedPicture } from "./contract/saved-picture.ts";
import { SmallDisk } from "./faults/small-disk.ts";
import { newSession, open, user } from "./storage-pairs.ts";

// `bun run backup` while Portico runs, and `bun run restore`.

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";
const FAST = { PASSWORD_HASH: "argon2id:m=64,t=1,p=1" };

async function backup(
  dataDir: string,
  args: readonly string[],
  more: { environment?: Record<string, string>; wrapper?: readonly string[] } = {},
) {
  const environment = { DATA_DIR: dataDir, ...more.environment };
  await using child = new Child("src/backup-main.ts", { ...more, environment, args });
  return { exitCode: await child.exited(), output: child.output };
}

async function restore(dataDir: string, ...args: readonly string[]) {
  await using child = new Child("src/restore-main.ts", {
    environment: { DATA_DIR: dataDir },
    args,
  });
  return { exitCode: await child.exited(), output: child.output };
}

/** A backup of two users, one of whom has a picture. */
async function smallBackup(): Promise<Folder> {
  await using data = await Folder.make();
  await using backups = await Folder.make();
  {
    await using storage = await open({ dataDir: data.path });
    await storage.users.insert(user("grace", { profilePath: "grace.webp" }));
    await storage.users.insert(user("alice"));
    await Bun.write(join(data.path, "avatars", "grace.webp"), "a picture");
    await storage.sessions.open(newSession("session", user("grace"), undefined));
  }
  const to = join(backups.path, "first");
  expect(await backup(data.path, [to])).toMatchObject({ exitCode: 0 });
  const copy = await Folder.make();
  await cp(to, copy.path, { recursive: true });
  return copy;
}

async function startBoth(dataDir: string) {
  await using starting = new AsyncDisposableStack();
  const tcp = starting.use(startTcp(dataDir, FAST));
  const http = starting.use(startHttp(dataDir, await tcp.listening()));
  const url = await http.listening();
  const started = starting.move();
  return { url, api: new Api(url), [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** A data folder with the tables and no users. */
async function emptyData(): Promise<Folder> {
  const folder = await Folder.make();
  await using child = new Child("src/migrate-main.ts", {
    environment: { DATA_DIR: folder.path },
  });
  expect(await child.exited()).toBe(0);
  return folder;
}

test("a restore brings back what was backed up while both tiers run", async () => {
  await using original = await Folder.make();
  await using backups = await Folder.make();
  await using restored = await Folder.make();
  const to = join(backups.path, "2026", "first");
  const names: string[] = [];
  await using running = await startBoth(original.path);
  const grace = await newMember(running.api);
  await grace.api.nickname("Grace");
  const profilePath = await savedPicture(grace.api);
  const profile = profileOf(await grace.api.userInfo());
  let isOver = false;
  const signUps = (async () => {
    while (!isOver) {
      const name = newName();
      const { code } = await running.api.signUp(name, PASSWORD);
      if (code === "7") names.push(name);
    }
  })();
  while (names.length < 5) await Bun.sleep(5);
  const before = [...names];
  const { exitCode, output } = await backup(original.path, [to]);
  isOver = true;
  await signUps;

  expect(output).toMatch(
    new RegExp(`^Copied \\d+ users and 1 pictures from .* to ${RegExp.escape(to)}: [\\d,]+ bytes`),
  );
  expect(exitCode).toBe(0);
  expect((await readdir(to)).sort()).toEqual(["SHA256SUMS", "avatars", "portico.sqlite"]);
  for (const path of [to, join(to, "portico.sqlite"), join(to, "SHA256SUMS")]) {
    expect((await stat(path)).mode & 0o077).toBe(0);
  }
  expect(await restore(restored.path, to)).toEqual({
    exitCode: 0,
    output: expect.stringMatching(/^Restored \d+ users and 1 pictures from .*\n$/),
  });
  expect((await readdir(restored.path)).sort()).toEqual(["avatars", "portico.sqlite"]);
  await using again = await startBoth(restored.path);
  expect((await again.api.withSession(grace.sessionId).userInfo()).code).toBe("2");
  const signedIn = await again.api.signIn(grace.username, PASSWORD);
  const session = again.api.withSession(sessionIdOf(signedIn));
  expect(profileOf(await session.userInfo())).toEqual(profile);
  expect((await again.api.fetch("GET", `/avatars/${profilePath}`)).status).toBe(200);
  for (const name of before) expect((await again.api.signIn(name, PASSWORD)).code).toBe("7");
  expect((await again.api.signUp(newName(), PASSWORD)).code).toBe("7");
  // The original installation still has all of its data.
  expect((await grace.api.userInfo()).code).toBe("7");
  for (const name of names) expect((await running.api.signIn(name, PASSWORD)).code).toBe("7");
});

test("a backup has the secrets of the servers, and who is disabled", async () => {
  await using data = await Folder.make();
  await using backups = await Folder.make();
  const to = join(backups.path, "first");
  {
    await using storage = await open({ dataDir: data.path });
    for (const name of ["grace", "alice"]) await storage.users.insert(user(name));
    await storage.users.setDisabled("grace", true);
    await storage.users.secret("key", () => "the first");
  }
  expect(await backup(data.path, [to])).toMatchObject({ exitCode: 0 });
  await using storage = await open({ dataDir: to });
  expect(await storage.users.secret("key", () => "another")).toBe("the first");
  expect(await storage.users.find("grace")).toMatchObject({ isDisabled: true });
  expect(await storage.users.find("alice")).toMatchObject({ isDisabled: false });
});

test("a backup while seeders run holds the state of one moment", async () => {
  await using data = await emptyData();
  await using backups = await Folder.make();
  const environment = { DATA_DIR: data.path, PASSWORD_HASH: "salted-md5" };
  const seed = () => new Child("src/seed-main.ts", { environment, args: ["--users", "300000"] });
  await using one = seed();
  await using other = seed();
  using original = new Database(join(data.path, "portico.sqlite"), { readonly: true });
  while (!original.query("SELECT 1 FROM user LIMIT 1").get()) await Bun.sleep(5);
  const folders = ["a", "b", "c"].map((name) => join(backups.path, name));
  const ended = await Promise.all(folders.map((folder) => backup(data.path, [folder])));
  expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  for (const folder of folders) {
    using copy = new Database(join(folder, "portico.sqlite"), { readonly: true });
    const users = copy.query<{ n: number }, []>("SELECT COUNT(*) AS n FROM user").get()?.n;
    const [seeded] = copy.query<{ next: number }, []>("SELECT next_user AS next FROM seed").all();
    expect(users).toBe(seeded?.next);
    expect(copy.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  }
  expect([await one.exited(), await other.exited()]).toEqual([0, 0]);
});

describe("a backup", () => {
  test("changes nothing in a folder that is not empty, nor in a file", async () => {
    await using data = await emptyData();
    await using folder = await Folder.make();
    await Bun.write(join(folder.path, "mine"), "mine");
    const refused = await backup(data.path, [folder.path]);
    expect(refused).toEqual({
      exitCode: 2,
      output: `Cannot use ${folder.path}: the folder is not empty, it has mine\n`,
    });
    const file = await backup(data.path, [join(folder.path, "mine")]);
    expect(file.exitCode).toBe(2);
    expect(file.output).toContain(`Cannot use ${join(folder.path, "mine")} as a folder: `);
    expect(await readdir(folder.path)).toEqual(["mine"]);
  });

  test("that fails says why, and leaves no files", async () => {
    await using data = await Folder.make();
    await using folder = await Folder.make();
    const to = join(folder.path, "to");
    const missing = await backup(data.path, [to]);
    expect(missing.exitCode).toBe(3);
    expect(missing.output).toStartWith(
      `Cannot copy SQLite in ${data.path} (DATA_DIR): there is no`,
    );
    await Bun.write(join(data.path, "portico.sqlite"), "no database ".repeat(100));
    const wrong = await backup(data.path, [to]);
    expect([wrong.exitCode, wrong.output]).toEqual([3, expect.stringContaining("not a database")]);
    expect(await readdir(folder.path)).toEqual([]);
    // An empty folder that was there before stays.
    await mkdir(to);
    expect((await backup(data.path, [to])).exitCode).toBe(3);
    expect(await readdir(to)).toEqual([]);
    expect(await readdir(data.path)).toEqual(["portico.sqlite"]);
  });

  test.skipIf(!SmallDisk.isAvailable(tmpdir()))("to a full disk leaves nothing", async () => {
    await using data = await emptyData();
    await using folder = await Folder.make();
    await mkdir(join(data.path, "avatars"));
    for (const name of ["a.webp", "b.webp", "c.webp"]) {
      await Bun.write(join(data.path, "avatars", name), new Uint8Array(400_000));
    }
    const shown = ["sh", "-c", '"$@"; code=$?; ls -A "$0"; echo "that was all"; exit $code'];
    const wrapper = [...new SmallDisk(folder.path, 1).wrapper, ...shown, folder.path];
    const { exitCode, output } = await backup(data.path, [folder.path], { wrapper });
    expect(output).toMatch(/^Cannot copy to .*ENOSPC.*\nthat was all\n$/);
    expect(exitCode).toBe(3);
  });

  test("that is stopped leaves no files", async () => {
    await using data = await emptyData();
    await using folder = await Folder.make();
    await mkdir(join(data.path, "avatars"));
    for (let n = 0; n < 5_000; n++) {
      await Bun.write(join(data.path, "avatars", `${n}.webp`), "a picture");
    }
    await using child = new Child("src/backup-main.ts", {
      environment: { DATA_DIR: data.path },
      args: [folder.path],
    });
    while ((await readdir(folder.path)).length === 0) await Bun.sleep(1);
    child.kill("SIGTERM");
    expect(await child.exited()).toBe(143);
    expect(child.output).toBe("Stopped: the incomplete copy is removed\n");
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("says what it does not cover, and what to use instead", async () => {
    await using data = await emptyData();
    await using folder = await Folder.make();
    const to = (name: string) => [join(folder.path, name)];
    const mysql = { DATABASE_URL: "mysql://portico:s3cret@db.example/portico" };
    const redis = { REDIS_URL: "redis://:s3cret@cache.example" };
    const bucket = { AVATAR_URL: "s3://pictures/of-users" };

    const users = await backup(data.path, to("users"), { environment: { ...redis, ...bucket } });
    expect(users.exitCode).toBe(0);
    expect(users.output).toMatch(/^Not copied: .* cache\.example \(REDIS_URL\)\. They expire/m);
    expect(users.output).toMatch(/^Not copied: .* bucket pictures \(AVATAR_URL\)\. .* s3 sync/m);
    expect(users.output).toMatch(/^Copied 0 users from /m);
    expect((await readdir(join(folder.path, "users"))).sort()).toEqual([
      "SHA256SUMS",
      "portico.sqlite",
    ]);

    const pictures = await backup(data.path, to("pictures"), { environment: mysql });
    expect(pictures.exitCode).toBe(0);
    expect(pictures.output).toMatch(
      /^Not copied: .* db\.example \(DATABASE_URL\)\. Use mysqldump/m,
    );
    expect(pictures.output).toMatch(/^Copied 0 pictures from /m);
    expect((await readdir(join(folder.path, "pictures"))).sort()).toEqual([
      "SHA256SUMS",
      "avatars",
    ]);

    const nothing = await backup(data.path, to("no"), { environment: { ...mysql, ...bucket } });
    expect(nothing.exitCode).toBe(2);
    expect(nothing.output).toEndWith("There is nothing to copy in DATA_DIR\n");
    expect((await readdir(folder.path)).sort()).toEqual(["pictures", "users"]);
    for (const { output } of [users, pictures, nothing]) expect(output).not.toContain("s3cret");
  });

  test.each([[[]], [["a", "b"]], [["--folder", "a"]], [[""]]])(
    "ends with 2 for %j, and touches nothing",
    async (args) => {
      await using data = await emptyData();
      const { exitCode, output } = await backup(data.path, args);
      expect(exitCode).toBe(2);
      expect(output).toContain("bun run backup");
      expect(await readdir(data.path)).toEqual(["portico.sqlite"]);
    },
  );
});

describe("a restore", () => {
  test("is what sha256sum accepts, and has no sessions", async () => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    const { exitCode } = Bun.spawnSync(["sha256sum", "--check", "--strict", "SHA256SUMS"], {
      cwd: folder.path,
    });
    expect(exitCode).toBe(0);
    const dataDir = join(data.path, "new");
    const restored = await restoreDataDir(folder.path, dataDir, never);
    expect(restored).toEqual({ users: 2, pictures: 1, isCompared: true });
    await using storage = await open({ dataDir });
    expect(await storage.users.find("grace")).toMatchObject({ profilePath: "grace.webp" });
    expect(await storage.sessions.find("session")).toBeUndefined();
  });

  test("refuses a DATA_DIR with data, and leaves it alone", async () => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    await using storage = await open({ dataDir: data.path });
    const refused = await restore(data.path, folder.path);
    expect(refused.exitCode).toBe(2);
    expect(refused.output).toContain("(DATA_DIR): it has portico.sqlite");
    await storage.users.insert(user("carol"));
    await using other = await Folder.make();
    await Bun.write(join(other.path, "avatars", "mine.webp"), "mine");
    expect((await failure(folder.path, other.path)).message).toContain("it has avatars/mine.webp");
    expect(await readdir(other.path)).toEqual(["avatars"]);
    expect((await failure(other.path, data.path)).message).toContain("no complete backup");
  });

  test.each([
    ["a page of SQLite", "portico.sqlite", "portico.sqlite is not as its backup wrote it"],
    ["a picture", "avatars/grace.webp", "avatars/grace.webp is not as its backup wrote it"],
    ["the list", "SHA256SUMS", "SHA256SUMS is damaged"],
  ])("finds a change of %s, and restores nothing", async (_what, name, message) => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    const path = join(folder.path, name);
    const bytes = await Bun.file(path).bytes();
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await Bun.write(path, bytes);
    expect((await failure(folder.path, data.path)).message).toContain(message);
    expect(await readdir(data.path)).toEqual([]);
  });

  test("checks the SQLite file also without a list, and misses no picture with one", async () => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    await rm(join(folder.path, "avatars", "grace.webp"));
    expect((await failure(folder.path, data.path)).message).toContain("grace.webp is missing");
    await rm(join(folder.path, "SHA256SUMS"));
    expect(await restoreDataDir(folder.path, join(data.path, "new"), never)).toMatchObject({
      isCompared: false,
    });
    const path = join(folder.path, "portico.sqlite");
    const bytes = await Bun.file(path).bytes();
    await Bun.write(path, bytes.fill(255, bytes.length / 2));
    expect((await failure(folder.path, data.path)).message).toContain("portico.sqlite: ");
    expect(await readdir(data.path)).toEqual(["new"]);
  });

  test("that was interrupted starts no server, and is run again", async () => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    await restoreDataDir(folder.path, data.path, never);
    // As a kill between the two last steps leaves it.
    await mkdir(join(data.path, "restoring"));
    await Bun.write(join(data.path, "restoring", "ready"), "");
    await rename(join(data.path, "portico.sqlite"), join(data.path, "restoring", "portico.sqlite"));
    await Bun.write(join(data.path, "avatars", "half.webp"), "half");
    await expect(open({ dataDir: data.path })).rejects.toThrow("a restore was interrupted");
    expect(await restoreDataDir(folder.path, data.path, never)).toMatchObject({ users: 2 });
    expect((await readdir(data.path)).sort()).toEqual(["avatars", "portico.sqlite"]);
    expect(await readdir(join(data.path, "avatars"))).toEqual(["grace.webp"]);
  });

  test("that is stopped leaves nothing", async () => {
    await using folder = await smallBackup();
    await using data = await Folder.make();
    const stopped = AbortSignal.abort(new Error("stopped"));
    expect((await failure(folder.path, data.path, stopped)).message).toBe("stopped");
    expect(await readdir(data.path)).toEqual([]);
  });
});

const never = new AbortController().signal;

async function failure(folder: string, dataDir: string, stop = never): Promise<Error> {
  const error: unknown = await restoreDataDir(folder, dataDir, stop).catch((cause) => cause);
  if (!(error instanceof Error)) throw new Error("It was restored");
  return error;
}
