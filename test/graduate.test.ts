import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { copySqliteFile } from "../src/storage/sqlite/backup.ts";
import { lockFile } from "../src/storage/sqlite/lock.ts";
import { SqliteMoveSource } from "../src/storage/sqlite/move-source.ts";
import { Child, Folder, startHttp, startTcp } from "./child.ts";
import { Api, newMember, newName, profileOf } from "./contract/client.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { openRowsAt } from "./contract/rows.ts";
import { savedPicture } from "./contract/saved-picture.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { askRedis, sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";
import { sharedS3 } from "./s3.ts";
import {
  eventually,
  expectStorageError,
  newSession,
  open,
  recordingLog,
  user,
} from "./storage-pairs.ts";

// `bun run graduate`: an embedded installation moves into MySQL, Redis and S3.

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const PASSWORD = "hopper1906";
const FAST = { PASSWORD_HASH: "argon2id:m=64,t=1,p=1" };

/** New places, empty, and a file of settings that names them. */
async function newPlaces(folder: string) {
  const databaseUrl = await (await sharedMariaDb()).createDatabase();
  const redisUrl = await (await sharedRedis()).createDatabase();
  const bucket = await (await sharedS3()).createBucket();
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    ...Object.fromEntries(
      Object.entries(bucket.environment).map(([name, text = ""]) => [name, text]),
    ),
  };
  const to = join(folder, "portico.toml");
  const lines = Object.entries(environment).map(([name, text]) => `${name} = "${text}"\n`);
  await Bun.write(to, lines.join(""));
  await chmod(to, 0o600);
  return { databaseUrl, redisUrl, bucket, environment, to };
}

function graduate(dataDir: string, ...args: string[]): Child {
  return new Child("src/graduate-main.ts", { environment: { DATA_DIR: dataDir }, args });
}

async function ended(child: Child) {
  await using running = child;
  return { exitCode: await running.exited(), output: running.output };
}

async function startBoth(dataDir: string, environment: Record<string, string> = {}) {
  await using starting = new AsyncDisposableStack();
  const tcp = starting.use(startTcp(dataDir, { ...FAST, ...environment }));
  const http = starting.use(startHttp(dataDir, await tcp.listening(), environment));
  const api = new Api(await http.listening());
  const started = starting.move();
  return { api, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** An installation with `users` users, of whom every tenth has a picture and a session. */
async function installation(users: number): Promise<Folder> {
  const data = await Folder.make();
  await using storage = await open({ dataDir: data.path });
  await storage.users.secret("device-key", () => "the key");
  await storage.users.insert(user("first", { nickname: "Zoë 👩‍🚀 \\ ' \"", salt: "a1b2" }));
  await storage.users.setDisabled("first", true);
  using file = new Database(join(data.path, "portico.sqlite"));
  await mkdir(join(data.path, "avatars"));
  const insert = file.prepare(
    `INSERT INTO user (id, gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
     VALUES (?, '2001-02-03 04:05:06', datetime('now'), ?, ?, 'hash', '', ?)`,
  );
  file.transaction(() => {
    for (let n = 2; n <= users; n++) {
      const profilePath = n % 10 === 0 ? pictureName(n) : "default.webp";
      insert.run(n, `user${n}`, `nick${n}`, profilePath);
    }
    // The last one is gone, and its id must not be used again.
    insert.run(9_007_199_254_740_993n, "large id", "nick", "default.webp");
    insert.run(9_007_199_254_741_000n, "gone", "nick", "default.webp");
    file.run("DELETE FROM user WHERE username = 'gone'");
  })();
  for (let n = 10; n <= users; n += 10) {
    await Bun.write(join(data.path, "avatars", pictureName(n)), `picture ${n}`);
    const profile = { username: `user${n}`, nickname: "", profilePath: "" };
    await storage.sessions.open(newSession(`session-${n}`, profile, undefined));
  }
  return data;
}

function pictureName(n: number): string {
  return `00000000-0000-4000-8000-${`${n}`.padStart(12, "0")}.webp`;
}

/** All columns of all users, as texts. */
function rowsAs(text: "CHAR" | "TEXT"): string {
  const columns = ["id", "gmt_create", "gmt_modified", "disabled_at"].map(
    (name) => `CAST(${name} AS ${text}) AS ${name}`,
  );
  return `SELECT ${columns}, username, nickname, password, salt, profile_path FROM user
    ORDER BY username`;
}

describe.skipIf(!hasMariaDb || !hasRedis)("bun run graduate", () => {
  test("moves everything while browsers write, and keeps them signed in", async () => {
    await using data = await Folder.make();
    await using folder = await Folder.make();
    const { to, environment, bucket } = await newPlaces(folder.path);
    await using old = await startBoth(data.path);
    const grace = await newMember(old.api);
    const alice = await newMember(old.api);
    await grace.api.nickname("Zoë 👩‍🚀");
    const profilePath = await savedPicture(grace.api);
    const profile = profileOf(await grace.api.userInfo());
    const list = "/api/entrytask/user/sessions";
    const sessions = (await grace.api.send("GET", list)).data;
    const names: string[] = [];
    const codes = new Set<string>();
    const signUps = (async () => {
      while (!codes.has("1")) {
        const name = newName();
        const { code } = await old.api.signUp(name, PASSWORD);
        codes.add(code);
        if (code === "7") names.push(name);
      }
    })();

    const moved = await ended(graduate(data.path, "--to", to));
    await signUps;
    expect(moved.output).toContain("all is compared");
    expect(moved.exitCode).toBe(0);
    expect([...codes]).toEqual(["7", "1"]);
    // The old installation answers reads only.
    expect(profileOf(await grace.api.userInfo())).toEqual(profile);
    for (const refused of [
      await grace.api.nickname("Grace"),
      await grace.api.avatar(avatarForm(pngOf(9, 9, [3, 2, 1]))),
      await old.api.signIn(grace.username, PASSWORD),
      await grace.api.signOut(),
    ]) {
      expect([refused.code, refused.status]).toSatisfy(([code]) => code === "1" || code === "0");
      expect(refused.status).toBe(503);
    }
    const stopped = await ended(startTcp(data.path));
    expect(stopped.exitCode).toBe(1);
    expect(stopped.output).toContain("its users have moved to MySQL at ");
    const stoppedHttp = await ended(startHttp(data.path, "127.0.0.1:1"));
    expect(stoppedHttp.output).toContain("they have moved to s3://");

    await using next = await startBoth(data.path, environment);
    const session = next.api.withSession(grace.sessionId);
    expect(profileOf(await session.userInfo())).toEqual(profile);
    expect((await session.send("GET", list)).data).toEqual(sessions);
    expect((await next.api.fetch("GET", `/avatars/${profilePath}`)).status).toBe(200);
    expect(await bucket.names()).toEqual([profilePath]);
    expect((await next.api.withSession(alice.sessionId).signOut()).code).toBe("7");
    expect((await next.api.withSession(alice.sessionId).userInfo()).code).toBe("2");
    // The last ones signed up just before the users could not be changed any more.
    for (const name of names.slice(-20)) {
      expect((await next.api.signIn(name, PASSWORD)).code).toBe("7");
    }
    expect((await next.api.signUp(newName(), PASSWORD)).code).toBe("7");

    const again = await ended(graduate(data.path, "--to", to));
    expect(again).toEqual({
      exitCode: 0,
      output: expect.stringMatching(/^Nothing to do: SQLite in .* has moved to MySQL at /),
    });
    const undone = await ended(graduate(data.path, "--undo"));
    expect([undone.exitCode, undone.output]).toEqual([0, expect.stringContaining("takes writes")]);
    expect((await grace.api.nickname("Grace")).code).toBe("7");
    await savedPicture(grace.api);
    expect((await old.api.signIn(alice.username, PASSWORD)).code).toBe("7");
    // The new places are in use: another move does not touch them.
    const refused = await ended(graduate(data.path, "--to", to));
    expect(refused.exitCode).toBe(3);
    expect(refused.output).toContain("not empty: another installation has moved there");
    expect((await grace.api.nickname("Alice")).code).toBe("7");
  });

  test("goes on after a kill, finds what was tampered with, and ends with the same rows", async () => {
    await using data = await installation(600);
    await using folder = await Folder.make();
    const { to, databaseUrl, redisUrl, bucket } = await newPlaces(folder.path);
    for (const moment of [/Copying users/, /Comparing users/, /Copying pictures/]) {
      await using child = graduate(data.path, "--to", to);
      await child.waitFor(moment);
      child.kill("SIGKILL");
      expect(await child.exited()).not.toBe(0);
    }
    const stopped = graduate(data.path, "--to", to);
    await stopped.waitFor(/Copying pictures/);
    stopped.kill("SIGTERM");
    expect(await ended(stopped)).toEqual({
      exitCode: 143,
      output: expect.stringContaining(`Stopped. To go on: bun run graduate --to ${to}`),
    });
    await using mysql = await openRowsAt(databaseUrl, data.path);
    await using sqlite = await openRowsAt(undefined, data.path);
    expect(await mysql.query("SELECT COUNT(*) AS n FROM user")).toEqual([{ n: 601 }]);
    // A server on the new database waits for the end of the move.
    const { log, messages } = recordingLog();
    const opening = open({ databaseUrl, redisUrl, dataDir: data.path }, { log });
    await eventually("a server waits", async () =>
      messages.some((message) => message.startsWith("warn waiting for MySQL")),
    );

    await mysql.query("UPDATE user SET nickname = 'Mallory' WHERE username = 'user7'");
    await mysql.query("DELETE FROM user WHERE username = 'user8'");
    await mysql.query("UPDATE secret SET value = 'another'");
    await bucket.write(pictureName(20), Buffer.from("another"));
    const differing = await ended(graduate(data.path, "--to", to));
    expect(differing.output).toContain('\nuser "user7" (id 7): differs in nickname\n');
    expect(differing.output).toContain('\nuser "user8" (id 8): is missing\n');
    expect(differing.output).toContain('\nsecret "device-key": differs\n');
    expect(differing.output).toContain(`\npicture ${pictureName(20)}: differs\n`);
    expect(differing.output).toContain("\nNot finished: 4 differ. ");
    expect(differing.output).not.toContain("the key");
    expect(differing.exitCode).toBe(1);
    expect(messages.filter((message) => message.startsWith("info connected"))).toEqual([]);

    // As docs/moving.md says: empty the new database, and remove the picture.
    await mysql.query("DELETE FROM user");
    await mysql.query("DELETE FROM secret");
    await bucket.write(pictureName(20), Buffer.from("picture 20"));
    {
      using _held = lockFile(join(data.path, "graduate.lock"), "this test");
      const second = await ended(graduate(data.path, "--to", to));
      expect([second.exitCode, second.output]).toEqual([3, expect.stringContaining("is running")]);
    }
    const done = await ended(graduate(data.path, "--to", to));
    expect([done.exitCode, done.output]).toEqual([0, expect.stringContaining("all is compared")]);
    expect(await mysql.query(rowsAs("CHAR"))).toEqual(await sqlite.query(rowsAs("TEXT")));
    expect((await bucket.names()).sort()).toEqual(
      Array.from({ length: 60 }, (_, n) => pictureName(10 * (n + 1))),
    );
    await using storage = await opening;
    expect(await storage.users.secret("device-key", () => "another")).toBe("the key");
    await storage.users.insert(user("next"));
    expect(await storage.users.find("next")).toMatchObject({ id: "9007199254741001" });
    await using original = await open({ dataDir: data.path }).catch(() => undefined);
    expect(original).toBeUndefined();
    for (const n of [10, 600]) {
      const [session, ...more] = await storage.sessions.list(`user${n}`);
      expect([session?.sessionId, session?.device, more]).toEqual([`session-${n}`, "curl", []]);
      expect(await storage.sessions.find(`session-${n}`)).toEqual({ username: `user${n}` });
      const leftMs = (session?.expiresAtMs ?? 0) - Date.now();
      await askRedis(redisPort(redisUrl), async (redis) => {
        await redis.select(Number(new URL(redisUrl).pathname.slice(1)));
        expect(Math.abs((await redis.pttl(`session:session-${n}`)) - leftMs)).toBeLessThan(20_000);
        expect(await redis.exists("move")).toBe(0);
      });
    }
  });

  test("refuses places that are not empty, and other places, and changes nothing", async () => {
    await using data = await installation(10);
    await using folder = await Folder.make();
    const { to, databaseUrl, redisUrl, bucket } = await newPlaces(folder.path);
    const refusal = async (file = to) => {
      const { exitCode, output } = await ended(graduate(data.path, "--to", file));
      expect(exitCode).toBe(3);
      return output;
    };
    await bucket.write(pictureName(1), Buffer.from("foreign"));
    expect(await refusal()).toContain("which is not empty: it has pictures");
    {
      await using storage = await open({ databaseUrl, redisUrl, dataDir: data.path });
      await storage.users.insert(user("foreign"));
    }
    expect(await refusal()).toContain("which is not empty: its table user has 1 rows");
    await using storage = await open({ dataDir: data.path });
    expect(await storage.users.setNickname("first", "still here")).toBe(true);

    // Only the sessions move. The users stay, and can be changed.
    const partly = join(folder.path, "partly.toml");
    await Bun.write(partly, `REDIS_URL = "${redisUrl}"\n`);
    expect(await ended(graduate(data.path, "--to", partly))).toMatchObject({ exitCode: 0 });
    expect(await storage.users.setNickname("first", "still here")).toBe(true);
    await expectStorageError(() => storage.sessions.close("session-10"));
    await expectStorageError(() => storage.sessions.ping());
    await storage.users.ping();
    const copy = await copySqliteFile(data.path, join(folder.path, "copy.sqlite"), {});
    expect(copy.users).toBe(11);
    expect(await refusal()).toMatch(
      /^Cannot move to MySQL at .*: a move to Redis at .* has begun\./,
    );
  });

  test("sign-ins go on until the sessions are copied, and reads until the end", async () => {
    await using data = await installation(10);
    await using storage = await open({ dataDir: data.path });
    const { users, sessions } = storage;
    const source = await SqliteMoveSource.open(data.path, {});
    const places = { users: "MySQL", sessions: "Redis" };
    const profile = { username: "user2", nickname: "", profilePath: "" };
    await source.begin("the move", places);
    for (const refused of [
      () => users.insert(user("new")),
      () => users.setNickname("user2", "other"),
      () => users.setPassword("user2", { password: "other", salt: "" }),
      () => users.setDisabled("user2", true),
      () => users.delete("user2"),
      () => users.secret("new", () => "secret"),
    ]) {
      expect((await expectStorageError(refused)).message).toContain("the users move to MySQL");
    }
    expect(await users.insert(user("user2")).catch(() => "refused")).toBe("refused");
    await sessions.open(newSession("during", profile, undefined));
    expect(await sessions.close("session-10")).toBe("user10");

    await source.freezeSessions("Redis");
    await expectStorageError(() => sessions.open(newSession("late", profile, undefined)));
    await expectStorageError(() => sessions.close("during"));
    await expectStorageError(() => sessions.endAll("user2"));
    await Promise.all([users.ping(), sessions.ping()]);
    await source.finish(places);
    expect(await sessions.find("during")).toEqual({ username: "user2" });
    expect(await users.find("user2")).toMatchObject({ nickname: "nick2" });
    await expectStorageError(() => users.ping());
    await expectStorageError(() => sessions.ping());
    expect((await expectStorageError(() => open({ dataDir: data.path }))).message).toContain(
      "its users have moved to MySQL",
    );
    await using copies = await Folder.make();
    const copy = await copySqliteFile(data.path, join(copies.path, "copy.sqlite"), {});
    expect(copy.movedTo).toBe("MySQL");
    await source.undo();
    source.close();
    expect(await users.setNickname("user2", "other")).toBe(true);
    expect(await sessions.close("during")).toBe("user2");
    await Promise.all([users.ping(), sessions.ping()]);
  });

  test.each([
    ["no --to", [], "--to is missing"],
    ["--to and --undo", ["--to", "a", "--undo"], "do not go together"],
    ["a file that is missing", ["--to", "/no/such.toml"], "--to /no/such.toml"],
  ])("ends with 2 for %s", async (_what, args, message) => {
    await using data = await Folder.make();
    const { exitCode, output } = await ended(graduate(data.path, ...args));
    expect([exitCode, output]).toEqual([2, expect.stringContaining(message)]);
    expect(await readdir(data.path)).toEqual([]);
  });
});

function redisPort(redisUrl: string): number {
  return Number(new URL(redisUrl).port);
}
