import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { retryWhileBusy } from "../src/storage/sqlite/file.ts";
import { StorageError } from "../src/user/stores.ts";
import { Child } from "./child.ts";
import { migrate, startMigrate } from "./migrate-command.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { createFolder, newSession, open, user } from "./storage-pairs.ts";

// Several processes use one SQLite file: a tier, commands, and other programs.

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Longer than a call waits for a writer, and than a command waits before it says so. */
const LONG_MS = 3_500;

/** Another connection, which holds the write lock until its `COMMIT`. */
function holdWrites({ dataDir }: { dataDir: string }): Database {
  const holder = new Database(join(dataDir, "portico.sqlite"));
  holder.run("BEGIN IMMEDIATE");
  return holder;
}

const python = programPath(PROGRAMS.python);

/** Run SQL in another program, such as a shell for SQLite, and close the file. */
function runElsewhere({ dataDir }: { dataDir: string }, sql: string): string {
  const script = `import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(database.execute(sys.argv[2]).fetchall())
database.close()`;
  const file = join(dataDir, "portico.sqlite");
  const { stdout, stderr } = Bun.spawnSync([python ?? "", "-c", script, file, sql]);
  return `${stdout}${stderr}`;
}

describe("a tier's SQLite", () => {
  test.skipIf(!python)("keeps its WAL when another program closes the file", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    await storage.users.insert(user("grace"));
    expect(runElsewhere(folder, "SELECT username FROM user")).toBe("[('grace',)]\n");
    await storage.users.insert(user("alan"));
    expect(runElsewhere(folder, "SELECT COUNT(*) FROM user")).toBe("[(2,)]\n");
  });

  test("opens while another process writes, if no migration is pending", async () => {
    await using folder = await createFolder();
    await (await open(folder)).close();
    using _ = holdWrites(folder);
    await using storage = await open(folder);
    expect(await storage.users.find("grace")).toBeUndefined();
    expect((await migrate(folder)).output).toContain("Nothing to do");
  });

  test("waits for another writer without blocking the event loop", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    const { users, sessions } = storage;
    await users.insert(user("grace"));
    await sessions.open(newSession("s1", user("grace")));
    using holder = holdWrites(folder);
    const writes = Promise.all([
      users.insert(user("alan")),
      users.setNickname("grace", "Grace"),
      users.setProfilePath("grace", "a.webp"),
      sessions.open(newSession("s2", user("grace"))),
      sessions.close("s1"),
    ]);
    for (let turn = 0; turn < 5; turn++) {
      expect((await users.find("grace"))?.nickname).toBe("nick grace");
      await Bun.sleep(1);
    }
    holder.run("COMMIT");
    expect(await writes).toEqual([true, true, true, { mustRecheck: true }, "grace"]);
    expect(await users.find("grace")).toMatchObject({ nickname: "Grace", profilePath: "a.webp" });
  });

  test("fails a call within its limit, and says why", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    using _ = holdWrites(folder);
    const error = await storage.users.insert(user("grace")).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(StorageError);
    expect(String(error)).toEndWith(
      "Cannot insert user: another process has been writing for 2 s: try again",
    );
  });
});

describe.concurrent("a command while another process writes to SQLite", () => {
  test("seeds when it gets the lock", async () => {
    await using folder = await createFolder();
    await (await open(folder)).close();
    using holder = holdWrites(folder);
    const environment = { DATA_DIR: folder.dataDir, PASSWORD_HASH: "salted-md5" };
    await using child = new Child("src/seed-main.ts", { environment, args: ["--users", "1000"] });
    await child.waitFor(/Waiting for the database: another process is writing; .* after 60 s/);
    await Bun.sleep(LONG_MS);
    holder.run("COMMIT");
    expect(await child.exited()).toBe(0);
    expect(child.output).toContain("Done: test0 to test999 are in SQLite");
  });

  test("migrates when it gets the lock", async () => {
    await using folder = await createFolder();
    await (await open(folder)).close();
    using holder = new Database(join(folder.dataDir, "portico.sqlite"));
    holder.run("DELETE FROM migration WHERE version = 3");
    holder.run("DROP INDEX ix_session_expires_at");
    holder.run("BEGIN IMMEDIATE");
    await using one = startMigrate(folder);
    await using other = startMigrate(folder);
    await one.waitFor(/Waiting for the database: another process is writing/);
    await Bun.sleep(LONG_MS);
    holder.run("COMMIT");
    expect([await one.exited(), await other.exited()]).toEqual([0, 0]);
  });

  test("gives up after a limit, which its message names", async () => {
    await using folder = await createFolder();
    await (await open(folder)).close();
    using _ = holdWrites(folder);
    using database = new Database(join(folder.dataDir, "portico.sqlite"));
    const heard: string[] = [];
    const late = retryWhileBusy(() => database.run("DELETE FROM user"), {
      waiting: (why) => heard.push(why),
      limitMs: 1_500,
    });
    await expect(late).rejects.toThrow("another process has been writing for 1.5 s: try again");
    expect(heard).toEqual(["another process is writing; giving up after 1.5 s"]);
    // Other errors are not tried again.
    await expect(retryWhileBusy(() => database.run("no SQL"))).rejects.toThrow("syntax error");
  });
});
