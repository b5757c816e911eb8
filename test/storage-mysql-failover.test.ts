import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openConnection } from "../src/storage/mysql/connection.ts";
import { MysqlPool } from "../src/storage/mysql/pool.ts";
import type { OpenStorage } from "../src/storage/open.ts";
import { userDatabase } from "../src/storage/user-database.ts";
import { StorageError } from "../src/user/stores.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { type Forwarder, startForwarder } from "./forwarder.ts";
import { available, type MariaDb, startMariaDb } from "./mariadb.ts";
import { createFolder, eventually, open, recordingLog, user } from "./storage-pairs.ts";

// A primary that is demoted while its address stays, connections that a middlebox drops, and
// statements that InnoDB rolls back. Both servers are this file's own, whatever TEST_DATABASE_URL
// says: one of them is turned read-only.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

/** A statement gives up after about 3.5 s; a slow machine gets more. */
const BOUND_MS = 10_000;

/** An empty database on both servers, behind one address, and raw rows of each. */
interface Site extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly address: Forwarder;
  readonly first: Rows;
  readonly second: Rows;
}

/** How often a statement has waited for the lock of a row, since the server was started. */
async function lockWaits(rows: Pick<Rows, "query">): Promise<number> {
  const [row] = await rows.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'");
  return Number(row?.Value);
}

describe.skipIf(!available)("MySQL", () => {
  let servers: readonly [MariaDb, MariaDb];
  beforeAll(async () => {
    const moreOptions = ["--innodb-rollback-on-timeout=ON"];
    servers = await Promise.all([startMariaDb(), startMariaDb({ moreOptions })]);
  });
  afterAll(async () => {
    for (const server of servers ?? []) await server[Symbol.asyncDispose]();
  });

  async function openSite(): Promise<Site> {
    await using owned = new AsyncDisposableStack();
    const { dataDir } = owned.use(await createFolder());
    const rows: Rows[] = [];
    let databaseUrl = new URL("mysql://nowhere");
    for (const server of servers) {
      databaseUrl = new URL(await server.createDatabase());
      const raw = owned.use(await openRowsAt(databaseUrl.href, dataDir));
      rows.push(raw);
      await raw.query("SET GLOBAL read_only = 0");
      // A user with all rights may write to a read-only server, so the user has few.
      await raw.query("CREATE USER IF NOT EXISTS ordinary IDENTIFIED BY 'secret'");
      await raw.query(`GRANT ALL ON ${databaseUrl.pathname.slice(1)}.* TO ordinary`);
    }
    const [first, second] = rows;
    if (!first || !second) throw new Error("Cannot open both servers");
    const ports = servers.map(({ url }) => Number(new URL(url).port));
    const address = owned.use(await startForwarder(ports[1] ?? 0));
    databaseUrl.port = String(address.port);
    databaseUrl.username = "ordinary";
    const site = { databaseUrl: databaseUrl.href, dataDir, address, first, second };
    // Both servers have the tables and one user.
    for (const port of [...ports].reverse()) {
      address.moveTo(port);
      await using storage = await open(site);
      await storage.users.insert(user("grace", { nickname: "old" }));
    }
    const moved = owned.move();
    return { ...site, [Symbol.asyncDispose]: () => moved.disposeAsync() };
  }

  const secondPort = () => Number(new URL(servers[1].url).port);

  test("all connections leave a demoted primary that stays up, even those that only read", async () => {
    await using site = await openSite();
    await using writer = await open(site);
    await using reader = await open(site);
    await using another = await open(site);
    for (const { users } of [writer, reader, another]) {
      await Promise.all(Array.from({ length: 20 }, () => users.setNickname("grace", "older")));
      expect((await users.find("grace"))?.nickname).toBe("older");
    }

    await site.first.query("SET GLOBAL read_only = 1");
    site.address.moveTo(secondPort());
    expect(await writer.users.setNickname("grace", "new")).toBe(true);
    expect(await writer.users.insert(user("hopper"))).toBe(true);

    expect((await reader.users.find("grace"))?.nickname).toBe("new");
    // A user that the old server does not have.
    expect(await another.users.find("hopper")).toBeDefined();
    expect(await site.first.query("SELECT nickname FROM user")).toEqual([{ nickname: "older" }]);
    // No connection to the old server is left.
    for (const { users } of [writer, reader, another]) {
      const all = await Promise.all(Array.from({ length: 20 }, () => users.find("grace")));
      expect(new Set(all.map((found) => found?.nickname))).toEqual(new Set(["new"]));
    }
  });

  test("accounts and secrets are read from the new primary, and made there", async () => {
    await using site = await openSite();
    await site.second.query("UPDATE user SET nickname = 'new'");
    const reads = [
      async ({ users }: OpenStorage) => (await users.findAccount("grace"))?.nickname,
      async ({ users }: OpenStorage) => (await users.search("g", undefined, 5))[0]?.nickname,
      ({ users }: OpenStorage) => users.secret("old", () => "new"),
    ];
    const servers: OpenStorage[] = [];
    await using owned = new AsyncDisposableStack();
    for (const read of reads) {
      const storage = owned.use(await open(site));
      // The connection exists before the failover, and the server's answers are right until then.
      await storage.users.secret("old", () => "old");
      expect(await read(storage)).toBe("old");
      servers.push(storage);
    }

    await site.first.query("SET GLOBAL read_only = 1");
    site.address.moveTo(secondPort());

    for (const [i, read] of reads.entries()) {
      const storage = servers[i];
      expect(storage && (await read(storage))).toBe("new");
    }
  });

  test("an update waits for the address to move, within its time", async () => {
    await using site = await openSite();
    await using storage = await open(site);
    await storage.users.find("grace");
    await site.first.query("SET GLOBAL read_only = 1");

    const update = storage.users.setNickname("grace", "new");
    const read = storage.users.find("grace");
    await Bun.sleep(700);
    site.address.moveTo(secondPort());

    expect(await update).toBe(true);
    expect(await read).toBeDefined();
    expect(await site.second.query("SELECT nickname FROM user")).toEqual([{ nickname: "new" }]);
  });

  test("without a primary, calls fail in time; they work when there is one", async () => {
    await using site = await openSite();
    await using storage = await open(site);
    await storage.users.find("grace");
    await site.first.query("SET GLOBAL read_only = 1");
    const startedAtMs = performance.now();

    const calls = [
      storage.users.setNickname("grace", "new"),
      storage.users.find("grace"),
      storage.users.ping(),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toEqual({ status: "rejected", reason: expect.any(StorageError) });
    }
    expect(performance.now() - startedAtMs).toBeLessThan(BOUND_MS);

    await site.first.query("SET GLOBAL read_only = 0");
    expect(await storage.users.setNickname("grace", "new")).toBe(true);
  });

  test("a start waits for a primary", async () => {
    await using site = await openSite();
    await site.first.query("SET GLOBAL read_only = 1");
    const { log, messages } = recordingLog();
    const opening = open(site, { log });
    await eventually("it waits", async () => messages.length > 0);
    expect(messages).toEqual([expect.stringMatching(/^warn waiting for MySQL at /)]);
    site.address.moveTo(secondPort());
    await using storage = await opening;
    expect(await storage.users.find("grace")).toBeDefined();
  });

  test("no call fails because of connections that a middlebox has dropped", async () => {
    await using site = await openSite();
    await using storage = await open(site);
    const { users } = storage;
    const renameAll = () =>
      Promise.all(Array.from({ length: 20 }, () => users.setNickname("grace", "x")));
    await renameAll();

    site.address.silence();
    for (let request = 0; request < 7; request++) {
      expect(await users.find("grace")).toBeDefined();
    }
    await renameAll();
    site.address.silence();
    // An update right after the last call would go to a dead connection, and might be lost.
    await Bun.sleep(1_100);
    for (let request = 0; request < 7; request++) {
      expect(await users.setNickname("grace", `n${request}`)).toBe(true);
    }
    await renameAll();
    site.address.silence();
    await Promise.all(Array.from({ length: 40 }, () => users.find("grace")));
  });

  test("a connection ends when it is idle, and when it is old", async () => {
    await using site = await openSite();
    const pool = new MysqlPool({
      maxConnections: 2,
      idleMs: 400,
      maxAgeMs: 1_000,
      // One connection each, without a second one in case the server has no TLS.
      open: (timeoutMs) => openConnection(`${site.databaseUrl}?ssl-mode=DISABLED`, { timeoutMs }),
    });
    const use = async () => pool.release(await pool.acquire(performance.now() + 5_000, false));
    const before = site.address.connections;
    const begunAtMs = performance.now();
    for (let ended = 0; ended < 2; ended = site.address.connections - before - 1) {
      await use();
      await Bun.sleep(20);
    }
    // Each connection ends between three quarters of the maximum age and all of it.
    expect(performance.now() - begunAtMs).toBeGreaterThan(1_500);

    const processes = () =>
      site.first.query("SELECT id FROM information_schema.processlist WHERE user = 'ordinary'");
    await eventually("it is closed", async () => (await processes()).length === 0);
    await pool.close();
  });

  test("a seed that InnoDB rolls back for a deadlock succeeds", async () => {
    await using site = await openSite();
    const events = { waiting: () => undefined, applying: () => undefined };
    const seed = await userDatabase(site).openSeed((n) => `test${n}`, events);
    const other = site.first;
    await other.query("START TRANSACTION");
    // InnoDB rolls back the smaller transaction, so this one has more rows than the seed.
    await other.query(
      `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       SELECT NOW(), NOW(), CONCAT('test', seq), '', '', '', '' FROM seq_5_to_2005`,
    );
    const advancing = seed.advance(10, (n) => user(`test${n}`));
    await eventually("the seed waits", async () => {
      const [row] = await other.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
      return Number(row?.Value) > 0;
    });
    await other.query("SELECT * FROM seed FOR UPDATE");
    await other.query("ROLLBACK");

    expect(await advancing).toEqual({ next: 10, taken: 0 });
    expect(await other.query("SELECT COUNT(*) AS users FROM user")).toEqual([{ users: 11 }]);
    await seed.close();
  });

  for (const [index, where] of ["by itself", "with innodb_rollback_on_timeout"].entries()) {
    test(`an update that InnoDB rolls back for a deadlock succeeds, ${where}`, async () => {
      await using site = await openSite();
      if (index === 1) site.address.moveTo(secondPort());
      const other = index === 1 ? site.second : site.first;
      await using storage = await open(site);
      await storage.users.find("grace");
      const deadlocks = async () => {
        const [row] = await other.query("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
        return Number(row?.Value);
      };
      const before = await deadlocks();

      // Our update locks the name and waits for the row; the other one does the opposite.
      await other.query("START TRANSACTION");
      await other.query("UPDATE user SET salt = 'x', profile_path = 'x' WHERE username = 'other'");
      await other.query("UPDATE user SET salt = 'x', profile_path = 'x' WHERE id = 1");
      const waitsBefore = await lockWaits(other);
      const update = storage.users.setNickname("grace", "new");
      await eventually("it waits", async () => (await lockWaits(other)) > waitsBefore);
      await other.query(
        "SELECT id FROM user FORCE INDEX (uk_username) WHERE username = 'grace' FOR UPDATE",
      );
      await other.query("COMMIT");

      expect(await update).toBe(true);
      expect((await deadlocks()) - before).toBe(1);
      expect((await storage.users.find("grace"))?.nickname).toBe("new");
    });

    test(`an update that waited too long for a lock succeeds, ${where}`, async () => {
      await using site = await openSite();
      if (index === 1) site.address.moveTo(secondPort());
      const other = index === 1 ? site.second : site.first;
      await using storage = await open(site);
      await storage.users.find("grace");

      await other.query("START TRANSACTION");
      await other.query("UPDATE user SET salt = 'x' WHERE id = 1");
      const waitsBefore = await lockWaits(other);
      const update = storage.users.setNickname("grace", "new");
      // The second wait begins after the first has failed.
      const isSecond = async () => (await lockWaits(other)) >= waitsBefore + 2;
      await Promise.race([update, eventually("it waits again", isSecond)]);
      await other.query("COMMIT");

      expect(await update).toBe(true);
    });
  }
});
