import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { MYSQL_CHUNK_USERS } from "../src/storage/mysql/seed.ts";
import { SQLITE_CHUNK_USERS } from "../src/storage/sqlite/seed.ts";
import { Child, ROOT } from "./child.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb, unsharedMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { startStack } from "./stack.ts";
import { createFolder, DATABASES, type Location, open, user } from "./storage-pairs.ts";

// `bun run seed` as a process of its own, as a shell starts it.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

/** Several transactions in MySQL, and more in SQLite: it is killed before it has all. */
const MANY_USERS = 3 * MYSQL_CHUNK_USERS;

const LOCATIONS = DATABASES.map((pair) => ({
  ...pair,
  chunk: pair.name === "MySQL and Redis" ? MYSQL_CHUNK_USERS : SQLITE_CHUNK_USERS,
  async createLocation() {
    const { redisUrl: _, ...location } = await pair.createLocation();
    return location;
  },
}));

function environmentOf({ databaseUrl, dataDir }: Location): Record<string, string> {
  return {
    DATA_DIR: dataDir,
    PASSWORD_HASH: "salted-md5",
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  };
}

function startSeed(location: Location, args: readonly string[], more = {}): Child {
  return new Child("src/seed-main.ts", {
    environment: { ...environmentOf(location), ...more },
    args,
  });
}

async function seed(location: Location, users: number, more = {}) {
  await using child = startSeed(location, ["--users", `${users}`], more);
  return { exitCode: await child.exited(), output: child.output };
}

function rowsAt({ databaseUrl, dataDir }: Location): Promise<Rows> {
  return openRowsAt(databaseUrl, dataDir);
}

/** The number of users, and how many of them have the name of a test user below `end`. */
async function countUsers(rows: Rows, end: number) {
  const [all] = await rows.query("SELECT COUNT(*) AS users FROM `user`");
  const names = await rows.query("SELECT username FROM `user`");
  const found = new Set(names.map(({ username }) => username));
  const expected = Array.from({ length: end }, (_, n) => `test${n}`);
  return { users: Number(all?.users), missing: expected.filter((name) => !found.has(name)) };
}

/** A checksum over all rows. */
async function fingerprint(rows: Rows): Promise<unknown> {
  return Bun.hash(JSON.stringify(await rows.query("SELECT * FROM `user` ORDER BY id")));
}

for (const { name, available, chunk, createLocation } of LOCATIONS) {
  describe.skipIf(!available)(`bun run seed, on ${name.replace(" and Redis", "")}`, () => {
    test("inserts users that can sign in, each with its own salt", async () => {
      await using location = await createLocation();
      const users = chunk + 11;
      const { exitCode, output } = await seed(location, users);
      expect({ exitCode, output }).toEqual({
        exitCode: 0,
        output: expect.stringMatching(new RegExp(`^Done: test0 to test${users - 1} are in `, "m")),
      });
      await using rows = await rowsAt(location);
      expect(await countUsers(rows, users)).toEqual({ users, missing: [] });

      await using stack = await startStack(environmentOf(location));
      for (const n of [0, 9, chunk - 1, chunk, users - 1]) {
        const username = `test${n}`;
        const { sessionId } = await stack.user.signIn({
          username,
          password: `testpassword${n % 10}`,
        });
        expect(await stack.user.getUserInfo({ sessionId })).toEqual({
          username,
          nickname: username.slice(0, 8),
          profilePath: "default.webp",
        });
      }
      await expect(
        stack.user.signIn({ username: "test11", password: "testpassword2" }),
      ).rejects.toMatchObject({ code: "PasswordError" });
      const hashes = await rows.query("SELECT DISTINCT salt, password FROM `user`");
      expect(hashes.length).toBeGreaterThan(users * 0.8);
      const [times] = await rows.query(
        "SELECT MIN(gmt_create) AS first, MAX(gmt_modified) AS last FROM `user`",
      );
      for (const time of [times?.first, times?.last]) {
        const ms = time instanceof Date ? time.getTime() : Date.parse(`${time}Z`);
        expect(Math.abs(ms - Date.now())).toBeLessThan(24 * 3600_000);
      }
    });

    test("a second run changes nothing, and a larger number adds the rest", async () => {
      await using location = await createLocation();
      await seed(location, 100);
      await using rows = await rowsAt(location);
      const before = await fingerprint(rows);
      for (const users of [100, 50]) {
        expect(await seed(location, users)).toEqual({
          exitCode: 0,
          output: expect.stringContaining(`Nothing to do: test0 to test${users - 1} are in`),
        });
      }
      expect(await fingerprint(rows)).toBe(before);
      expect((await seed(location, 150)).output).toContain("50 rows in");
      expect(await countUsers(rows, 150)).toEqual({ users: 150, missing: [] });
    });

    test("continues where it was killed, and misses no user", async () => {
      await using location = await createLocation();
      const users = MANY_USERS;
      await (await open(location)).close();
      {
        await using child = startSeed(location, ["--users", `${users}`]);
        await using rows = await rowsAt(location);
        const begun = async () => (await rows.query("SELECT 1 FROM `user` LIMIT 1")).length > 0;
        while (!(await begun())) await Bun.sleep(5);
        child.kill("SIGKILL");
        await child.exited();
        expect(child.output).not.toContain("Done");
      }
      const { exitCode, output } = await seed(location, users);
      expect({ exitCode, output }).toEqual({
        exitCode: 0,
        output: expect.stringMatching(/users, \d+,000 of which exist[\s\S]*^Done: [^;]*$/m),
      });
      await using rows = await rowsAt(location);
      expect(await countUsers(rows, users)).toEqual({ users, missing: [] });
    });

    test.each([
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const)("stops on %s with %d, and says how to go on", async (signal, code) => {
      await using location = await createLocation();
      await using child = startSeed(location, ["--users", "1000000000"]);
      await child.waitFor(/Filling/);
      child.kill(signal);
      child.kill(signal);
      expect(await child.exited()).toBe(code);
      expect(child.output).toMatch(
        /^Stopped: .*\n.*rows\/s\nTo continue: bun run seed --users 1000000000$/m,
      );
      const [, last = "-1"] = /^Stopped: test0 to test(\d+) are in/m.exec(child.output) ?? [];
      const end = Number(last) + 1;
      await using rows = await rowsAt(location);
      expect(await countUsers(rows, end)).toEqual({ users: end, missing: [] });
    });

    test("does not change a user whose name is taken, and says so each time", async () => {
      await using location = await createLocation();
      const real = user("test5", { nickname: "Real" });
      {
        await using storage = await open(location);
        await storage.users.insert(real);
      }
      const left = "; 1 name was taken by other users";
      expect((await seed(location, 20)).output).toMatch(new RegExp(`^Done: .*${left}$`, "m"));
      expect((await seed(location, 20)).output).toMatch(new RegExp(`^Nothing .*${left}$`, "m"));
      await using storage = await open(location);
      expect(await storage.users.find("test5")).toEqual({
        ...real,
        id: expect.any(String),
        isDisabled: false,
      });
      await using rows = await rowsAt(location);
      expect(await countUsers(rows, 20)).toEqual({ users: 20, missing: [] });
    });

    test("begins again if the users were deleted", async () => {
      await using location = await createLocation();
      await seed(location, 300);
      await using rows = await rowsAt(location);
      await rows.query("DELETE FROM `user` WHERE username <> 'test7'");
      expect((await seed(location, 300)).output).toContain("Done: test0 to test299");
      expect(await countUsers(rows, 300)).toEqual({ users: 300, missing: [] });
    });

    test("four processes at once fill one database together", async () => {
      await using location = await createLocation();
      await (await open(location)).close();
      const users = 3 * chunk;
      const all = await Promise.all(Array.from({ length: 4 }, () => seed(location, users)));
      expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
      for (const { output } of all) expect(output).not.toContain("taken");
      await using rows = await rowsAt(location);
      expect(await countUsers(rows, users)).toEqual({ users, missing: [] });
    });

    test("says that argon2id is too slow for all users, and uses ten hashes", async () => {
      await using location = await createLocation();
      const { output } = await seed(location, 95, { PASSWORD_HASH: "argon2id:m=64,t=1,p=1" });
      expect(output).toMatch(
        /^argon2id: 95 hashes would take about .*, so the users share 10 hashes,/m,
      );
      await using rows = await rowsAt(location);
      expect(await rows.query("SELECT DISTINCT password FROM `user`")).toHaveLength(10);
      await using stack = await startStack(environmentOf(location));
      await stack.user.signIn({ username: "test94", password: "testpassword4" });
    });
  });
}

describe("bun run seed", () => {
  test.skipIf(!hasMariaDb)("inserts many rows at once if the server forbids files", async () => {
    const server = await unsharedMariaDb();
    await using folder = await createFolder();
    const location = { ...folder, databaseUrl: await server.createDatabase() };
    await using rows = await rowsAt(location);
    {
      await using storage = await open(location);
      await storage.users.insert(user("test5", { nickname: "Real" }));
    }
    await rows.query("SET GLOBAL local_infile = OFF");
    try {
      expect((await seed(location, 2_500)).output).toContain("multi-row INSERT");
      expect((await seed(location, 2_600)).output).toContain("100 rows in");
    } finally {
      await rows.query("SET GLOBAL local_infile = ON");
    }
    expect(await countUsers(rows, 2_600)).toEqual({ users: 2_600, missing: [] });
    const real = await rows.query("SELECT nickname FROM `user` WHERE username = 'test5'");
    expect(real).toEqual([{ nickname: "Real" }]);
    expect((await seed(location, 2_700)).output).toContain("LOAD DATA LOCAL INFILE");
  });

  test.concurrent("shows a bar only on a terminal", async () => {
    await using folder = await createFolder();
    const { output } = await seed(folder, 10 * SQLITE_CHUNK_USERS);
    expect(output).not.toMatch(/[\x1b█\r]/);
    let shown = "";
    const decoder = new TextDecoder();
    await using another = await createFolder();
    const args = ["src/seed-main.ts", "--users", `${10 * SQLITE_CHUNK_USERS}`];
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...environmentOf(another) },
      terminal: {
        cols: 120,
        data: (_terminal, bytes) => {
          shown += decoder.decode(bytes, { stream: true });
        },
      },
    });
    expect(await child.exited).toBe(0);
    expect(shown).toMatch(/█+░* \d+ % {2}[\d,]+ of 200,000 rows {2}[\d,]+ rows\/s {2}\d+s left/);
  });

  test.concurrent.each([
    [["--users", "0"], '--users is "0": must be a whole number from 1 to 1000000000'],
    [["--users", "-5"], "Option '--users' argument is ambiguous"],
    [["--users=-5"], '--users is "-5": must be'],
    [["--users", "1e12"], '--users is "1e12": must be'],
    [["--users", "1000000001"], '--users is "1000000001": must be'],
    [["--users", "many"], '--users is "many": must be'],
    [["--users"], "Option '--users <value>' argument missing"],
    [[], "--users is missing: bun run seed --users 10000"],
    [["--user", "5"], "Unknown option '--user'"],
    [["5"], "Unexpected argument '5'"],
  ])("ends with 2 for %j, and touches nothing", async (args, why) => {
    await using folder = await createFolder();
    const dataDir = `${folder.dataDir}/none`;
    await using child = startSeed({ dataDir }, args);
    expect(await child.exited()).toBe(2);
    expect(child.output).toStartWith(why);
    expect(child.output.trimEnd().split("\n")).toHaveLength(1);
    expect(await Bun.file(`${dataDir}/portico.sqlite`).exists()).toBe(false);
  });

  test.concurrent("ends with 2 for a wrong environment, and with 3 if the database does not answer", async () => {
    await using folder = await createFolder();
    expect(await seed(folder, 5, { PASSWORD_HASH: "md5" })).toEqual({
      exitCode: 2,
      output: expect.stringMatching(/^PASSWORD_HASH is "md5": must be/),
    });
    const databaseUrl = `mysql://portico:s3cret@127.0.0.1:${freePort()}/portico`;
    const { exitCode, output } = await seed({ ...folder, databaseUrl }, 5);
    expect(exitCode).toBe(3);
    expect(output).toMatch(/^Cannot open MySQL at 127\.0\.0\.1:\d+\/portico \(DATABASE_URL\): /);
    expect(output).not.toContain("s3cret");
  });
});

// Ten seconds, in which the tests above it run.
test.concurrent.skipIf(!hasMariaDb)(
  "a signal ends it in time, even if the database hangs",
  async () => {
    await using server = await startMariaDb();
    const location = { databaseUrl: await server.createDatabase(), dataDir: "." };
    await using child = startSeed(location, ["--users", "1000000000"]);
    await child.waitFor(/Filling/);
    await freeze(server.pid);
    child.kill("SIGINT");
    expect(await child.exited()).toBe(130);
    process.kill(server.pid, "SIGCONT");
  },
);
