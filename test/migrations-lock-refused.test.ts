import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { MYSQL_MIGRATIONS } from "../src/storage/mysql/migrations.ts";
import { startOvertakenLine, startRefusingLine } from "./line.ts";
import { sharedAvailable as available } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { contents, createOriginal, insertMany } from "./original-table.ts";
import { open, user } from "./storage-pairs.ts";

// Clusters of some versions refuse GET_LOCK. Servers then migrate without taking turns.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const REFUSALS = {
  "MariaDB 10.11.3 with Galera": {
    errno: 1235,
    sqlState: "42000",
    message: "This version of MariaDB doesn't yet support 'GET_LOCK in cluster (WSREP_ON=ON)'",
  },
  "Percona XtraDB Cluster": {
    errno: 1105,
    sqlState: "HY000",
    message: "Percona-XtraDB-Cluster prohibits use of GET_LOCK with pxc_strict_mode = ENFORCING",
  },
};

describe.skipIf(!available).each(Object.entries(REFUSALS))(
  "GET_LOCK refused by %s",
  (_, refusal) => {
    async function openRefusing() {
      await using owned = new AsyncDisposableStack();
      const database = owned.use(await openDatabase());
      const line = owned.use(await startRefusingLine(database.databaseUrl, "GET_LOCK", refusal));
      const moved = owned.move();
      return {
        location: { databaseUrl: line.url, dataDir: database.dataDir },
        line,
        query: database.query,
        [Symbol.asyncDispose]: () => moved.disposeAsync(),
      };
    }

    test("servers that start together create the table, and serve", async () => {
      await using database = await openRefusing();
      const opened = await Promise.all(Array.from({ length: 5 }, () => open(database.location)));
      expect(database.line.refused).toBeGreaterThan(0);
      expect(await opened[0]?.users.insert(user("grace"))).toBe(true);
      expect(await opened[1]?.users.find("grace")).toMatchObject({ nickname: "nick grace" });
      await Promise.all(opened.map((storage) => storage.close()));
      expect(await database.query("SELECT version FROM migration ORDER BY version")).toEqual(
        MYSQL_MIGRATIONS.map(({ version }) => ({ version })),
      );
    });

    test("commands and servers that start together convert an original table", async () => {
      await using database = await openRefusing();
      await createOriginal(database, "CHARACTER SET latin1");
      await database.query("ALTER TABLE user DROP KEY username");
      await insertMany(database, 20_000);
      const before = await contents(database);

      const commands = Promise.all([migrate(database.location), migrate(database.location)]);
      const opened = await Promise.all([open(database.location), open(database.location)]);

      for (const { exitCode, output } of await commands) {
        // The servers may have done all before a command asks.
        expect(output).toMatch(/^(Done|Nothing to do): /m);
        expect(exitCode).toBe(0);
      }
      await Promise.all(opened.map((storage) => storage.close()));
      expect(await contents(database)).toEqual(before);
      expect((await migrate(database.location, "--status")).exitCode).toBe(0);
    });
  },
);

describe.skipIf(!available)("another server carries out each statement just before", () => {
  async function migrateOvertaken(database: Awaited<ReturnType<typeof openDatabase>>) {
    const overtaken: number[] = [];
    await using line = await startOvertakenLine(database.databaseUrl, async (request) => {
      const migration = MYSQL_MIGRATIONS.find(({ sql }) => request.includes(sql));
      if (migration === undefined) return;
      overtaken.push(migration.version);
      await database.query(migration.sql);
    });
    const { exitCode, output } = await migrate({ ...database, databaseUrl: line.url });
    expect(output).toContain("Done: ");
    expect(exitCode).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
    return overtaken;
  }

  test("an empty database gets its tables", async () => {
    await using database = await openDatabase();
    expect(await migrateOvertaken(database)).toEqual([1, 5, 6, 7]);
    await using storage = await open(database);
    expect(await storage.users.insert(user("grace"))).toBe(true);
  });

  test("an original table is converted", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await database.query("ALTER TABLE user DROP KEY username");
    await insertMany(database, 100);
    const before = await contents(database);
    // Migration 3 fills gaps as migration 2 does.
    expect(await migrateOvertaken(database)).toEqual([1, 2, 2, 3, 4, 5, 6, 7]);
    expect(await contents(database)).toEqual(before);
  });
});
