import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { available } from "./mariadb.ts";
import { migrate, startMigrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { freePort } from "./ports.ts";
import { createFolder, DATABASES, open, user } from "./storage-pairs.ts";

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const it = test.skipIf(!available);

const CREATE_USER = " +1  create user                    ";
const FILL_GAPS = " +2  fill gaps of original user     ";
const CONVERT = " +3  convert original user          ";
const UNIQUE_NAMES = " +4  unique names of original user  ";
const BY_PICTURE = " +5  index user by picture          ";
const DISABLED_AT = " +6  add disabled_at to user        ";
const SECRET = " +7  create secret                  ";
const APPLIED = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC";

describe("bun run migrate", () => {
  it("--status on MySQL lists what is applied and what is pending, and changes nothing", async () => {
    await using database = await openDatabase();
    const all = [CREATE_USER, FILL_GAPS, CONVERT, UNIQUE_NAMES, BY_PICTURE, DISABLED_AT, SECRET];
    const pending = all.map((line) => `${line}pending\n`).join("");
    expect(await migrate(database, "--status")).toEqual({
      exitCode: 1,
      output: expect.stringMatching(
        new RegExp(
          `^MySQL at 127\\.0\\.0\\.1:\\d+/test_\\w+\n${pending}7 pending: bun run migrate\n$`,
        ),
      ),
    });
    expect(await database.query("SHOW TABLES")).toEqual([]);

    await migrate(database);
    await database.query("DELETE FROM migration WHERE version = 2");
    await database.query("INSERT INTO migration VALUES (9, 'of tomorrow', '2040-01-02 03:04:05')");
    expect(await migrate(database, "--status")).toEqual({
      exitCode: 1,
      output: expect.stringMatching(
        new RegExp(
          `\n${CREATE_USER}${APPLIED}\n${FILL_GAPS}pending\n${CONVERT}${APPLIED}\n` +
            `${UNIQUE_NAMES}${APPLIED}\n${BY_PICTURE}${APPLIED}\n` +
            `${DISABLED_AT}${APPLIED}\n${SECRET}${APPLIED}\n` +
            " +9 +of tomorrow +2040-01-02 03:04:05 UTC, by a newer version\n1 pending: ",
        ),
      ),
    });
  });

  test("--status on SQLite does the same and creates no file", async () => {
    await using folder = await createFolder();
    const first = await migrate(folder, "--status");
    expect(first.exitCode).toBe(1);
    expect(first.output).toMatch(/^SQLite in \S+\n {2}1 {2}create user +pending\n/);
    const [, pending] = /\n(\d+) pending: bun run migrate\n$/.exec(first.output) ?? [];
    expect(first.output.match(/ pending\n/g)).toHaveLength(Number(pending));
    expect(await readdir(folder.dataDir)).toEqual([]);
    expect(await migrate(folder)).toMatchObject({ exitCode: 0 });
    const path = join(folder.dataDir, "portico.sqlite");
    const before = await Bun.file(path).bytes();

    const { exitCode, output } = await migrate(folder, "--status");

    expect(exitCode).toBe(0);
    expect(output.match(new RegExp(APPLIED, "g"))).toHaveLength(Number(pending));
    expect(await readdir(folder.dataDir)).toEqual(["portico.sqlite"]);
    expect(await Bun.file(path).bytes()).toEqual(before);
  });

  test("--status on SQLite does not remove the files of a running server", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    await storage.users.insert(user("grace"));
    const before = (await readdir(folder.dataDir)).sort();
    expect(before).toEqual(["portico.sqlite", "portico.sqlite-shm", "portico.sqlite-wal"]);
    expect((await migrate(folder, "--status")).exitCode).toBe(0);
    expect((await readdir(folder.dataDir)).sort()).toEqual(before);
    await storage.users.insert(user("alice"));
    expect(await storage.users.find("grace")).toBeDefined();
  });

  test("waits for a process that creates the SQLite file", async () => {
    await using folder = await createFolder();
    const file = new Database(join(folder.dataDir, "portico.sqlite"));
    file.run("BEGIN EXCLUSIVE");
    await using child = startMigrate(folder);
    // Longer than SQLite waits by itself.
    await Bun.sleep(3_000);
    file.run("COMMIT");
    expect(await child.exited()).toBe(0);
    expect(child.output).toStartWith("Done: SQLite in ");
    file.close();
  });

  for (const { name, available, createLocation } of DATABASES) {
    test.skipIf(!available)(`several processes at once migrate ${name} once`, async () => {
      await using location = await createLocation();
      const all = await Promise.all(Array.from({ length: 5 }, () => migrate(location)));
      expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
      expect((await migrate(location, "--status")).exitCode).toBe(0);
    });
  }

  test("ends with 2 for wrong arguments, and with 3 if the database does not answer", async () => {
    await using folder = await createFolder();
    expect(await migrate(folder, "--state")).toEqual({
      exitCode: 2,
      output:
        "Unknown option '--state': `bun run migrate` takes --config, --status, --wrap-md5, --help\n",
    });
    const databaseUrl = `mysql://portico:s3cret@127.0.0.1:${freePort()}/portico`;
    for (const args of [[], ["--status"]]) {
      const { exitCode, output } = await migrate({ ...folder, databaseUrl }, ...args);
      expect(exitCode).toBe(3);
      expect(output).toMatch(/^Cannot read MySQL at 127\.0\.0\.1:\d+\/portico \(DATABASE_URL\): /);
      expect(output).not.toContain("s3cret");
    }
  });
});
