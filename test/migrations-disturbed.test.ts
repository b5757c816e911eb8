import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { freeze } from "./freeze.ts";
import { available, startMariaDb, unsharedMariaDb } from "./mariadb.ts";
import { migrate, startMigrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { contents, createOriginal, insertMany, insertOriginal } from "./original-table.ts";
import { eventually, type Location, open, recordingLog } from "./storage-pairs.ts";

// MySQL is migrated while others migrate it or use its table, and while it freezes or dies.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

/** Concurrent, since these tests wait for timeouts. */
const it = test.concurrent.skipIf(!available);

async function isAltering(rows: Pick<Rows, "query">): Promise<boolean> {
  const found = await rows.query(
    `SELECT 1 FROM information_schema.processlist
     WHERE db = DATABASE() AND info LIKE 'ALTER TABLE user%'`,
  );
  return found.length > 0;
}

describe("from the original table to ours", () => {
  // Not concurrent: two tests must interrupt MySQL at the right moment, and one counts ALTERs.
  test.skipIf(!available)(
    "continues after the migrating process was killed in the middle",
    async () => {
      await using database = await openDatabase();
      await createOriginal(database, "CHARACTER SET latin1");
      await insertMany(database, 150_000);
      const before = await contents(database);
      {
        await using child = startMigrate(database);
        await eventually("it converts", () => isAltering(database));
        child.kill("SIGKILL");
        await child.exited();
        expect(child.output).not.toContain("Done");
      }
      expect((await migrate(database)).exitCode).toBe(0);
      expect((await migrate(database, "--status")).exitCode).toBe(0);
      expect(await contents(database)).toEqual(before);
    },
  );

  test.skipIf(!available)("continues after the database was killed in the middle", async () => {
    await using server = await startMariaDb();
    let before: Awaited<ReturnType<typeof contents>>;
    let location: Location;
    {
      await using database = await openDatabase(server);
      location = { databaseUrl: database.databaseUrl, dataDir: database.dataDir };
      await database.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
      await createOriginal(database, "CHARACTER SET latin1");
      await insertMany(database, 150_000);
      before = await contents(database);
      await using child = startMigrate(location);
      await eventually("it converts", () => isAltering(database));
      await server.kill();
      expect(await child.exited()).toBe(3);
      await server.restart();
    }
    await using rows = await openRowsAt(location.databaseUrl, location.dataDir);
    expect(await contents(rows)).toEqual(before);
    expect((await migrate(location, "--status")).exitCode).toBe(1);
    expect((await migrate(location)).exitCode).toBe(0);
    expect(await contents(rows)).toEqual(before);
  });

  test.skipIf(!available)("servers and commands that start together convert it once", async () => {
    await using database = await openDatabase(await unsharedMariaDb());
    await createOriginal(database, "CHARACTER SET latin1");
    await insertMany(database, 50_000);
    const before = await contents(database);
    const alters = async () => {
      const [row] = await database.query("SHOW GLOBAL STATUS LIKE 'Com_alter_table'");
      return Number(row?.Value);
    };
    const altersBefore = await alters();

    const commands = Promise.all([migrate(database), migrate(database)]);
    const opened = await Promise.all([open(database), open(database), open(database)]);

    expect((await commands).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    await Promise.all(opened.map((storage) => storage.close()));
    // Migrations 3, 5 and 6, each of which is first tried on an empty copy.
    expect((await alters()) - altersBefore).toBe(6);
    expect(await contents(database)).toEqual(before);
    expect(await database.query("SELECT version FROM migration ORDER BY version")).toEqual([
      { version: 1 },
      { version: 2 },
      { version: 3 },
      { version: 4 },
      { version: 5 },
      { version: 6 },
      { version: 7 },
    ]);
  });

  it("a process that finds another one migrating says so, and waits", async () => {
    await using database = await openDatabase();
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    await using child = startMigrate(database);
    await child.waitFor(/^Waiting for the database: another server is migrating it$/m);
    expect(await database.query("SHOW TABLES")).toEqual([]);
    await database.query("SELECT RELEASE_LOCK(CONCAT('portico.', DATABASE()))");
    expect(await child.exited()).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });

  it("gives way to a transaction that holds the table, and to the queries that wait behind it", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await using reader = await openRowsAt(database.databaseUrl, database.dataDir);
    await database.query("START TRANSACTION");
    await database.query("SELECT COUNT(*) FROM user");
    await using child = startMigrate(database);
    await child.waitFor(/^Waiting for the database: a transaction or a backup holds its table$/m);
    expect(await reader.query("SELECT COUNT(*) AS n FROM user")).toHaveLength(1);
    await database.query("COMMIT");
    expect(await child.exited()).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });

  it("servers of the version before read and write while their table gets disabled_at", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("ALTER TABLE user DROP COLUMN disabled_at");
    await database.query("DROP TABLE secret");
    await database.query("DELETE FROM migration WHERE version > 5");
    await using older = await openRowsAt(database.databaseUrl, database.dataDir);
    await older.query("SET sql_mode = 'STRICT_ALL_TABLES'");
    let signUps = 0;
    const signUp = async () => {
      const name = `older${signUps++}`;
      await older.query(
        `INSERT INTO user
           (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
         VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?, 'Nick', 'x', '', 'default.webp')`,
        [name],
      );
      const found = await older.query(
        "SELECT username, nickname, profile_path, password, salt FROM user WHERE username IN (?)",
        [name],
      );
      expect(found).toMatchObject([{ username: name }]);
    };
    let isOver = false;
    const working = (async () => {
      while (!isOver) await signUp();
    })();
    await database.query("START TRANSACTION");
    await database.query("SELECT COUNT(*) FROM user");
    await using child = startMigrate(database);
    await child.waitFor(/^Waiting for the database: a transaction or a backup holds its table$/m);
    await database.query("COMMIT");
    expect(await child.exited()).toBe(0);
    isOver = true;
    await working;
    await signUp();

    await using storage = await open(database);
    const accounts = await storage.users.search("older", undefined, signUps + 1);
    expect(accounts).toHaveLength(signUps);
    expect(accounts.filter(({ disabledAt }) => disabledAt !== undefined)).toEqual([]);
  });

  it("a server says that MySQL hangs, and continues by itself when MySQL answers again", async () => {
    await using server = await startMariaDb();
    await using database = await openDatabase(server);
    await createOriginal(database, "CHARACTER SET latin1");
    await insertOriginal(database, [{ username: "grace" }]);
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    const { log, messages } = recordingLog();
    const opening = open(database, { log });
    await eventually("it waits for its turn", async () => {
      const waiting = await database.query(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT GET_LOCK%'",
      );
      return waiting.length > 0;
    });
    await freeze(server.pid);
    const where = `MySQL at ${new URL(server.url).host} (DATABASE_URL)`;
    await eventually("it says so", async () => messages.includes(`warn waiting for ${where}`));
    process.kill(server.pid, "SIGCONT");

    await database.query("SELECT RELEASE_LOCK(CONCAT('portico.', DATABASE()))");
    await using storage = await opening;
    expect(messages).toContain(`info connected to ${where}`);
    expect(await storage.users.find("grace")).toMatchObject({ nickname: "Nick" });
  });
});
