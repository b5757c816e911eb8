import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { RowDataPacket } from "mysql2";
import { load } from "../src/config/load.ts";
import { TCP_TIER } from "../src/config/tcp.ts";
import { Availability } from "../src/storage/availability.ts";
import { LONGEST_STATEMENT_MS, MysqlClient } from "../src/storage/mysql/client.ts";
import { MysqlHosts } from "../src/storage/mysql/hosts.ts";
import { connectRedis } from "../src/storage/redis/client.ts";
import { RECOVERY_MS } from "../src/storage/redis/recovery.ts";
import { DIRTY_MS, REPEAT_MS } from "../src/storage/redis/sessions.ts";
import { driverTimeouts, MAX_COMMAND_MS } from "../src/storage/redis/timeouts.ts";
import { Child, Folder, startTcp } from "./child.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { RawBrowser } from "./raw-browser.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { rpc } from "./rpc-command.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  open,
  recordingLog,
  silent,
  user,
} from "./storage-pairs.ts";

// The variables for connections do what they say. Times are compared with each other, or have only
// a lower limit, because the machine may be slow.

// Servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

async function msOf(call: () => Promise<unknown>): Promise<number> {
  const beganAtMs = performance.now();
  await call();
  return performance.now() - beganAtMs;
}

describe.skipIf(!hasMariaDb)("MySQL", () => {
  async function statusOf(client: MysqlClient, name: string): Promise<number> {
    const sql =
      "SELECT VARIABLE_VALUE AS value FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = ?";
    const [row] = await client.execute<RowDataPacket[]>(sql, [name]);
    return Number(row?.value);
  }

  /** How many connections use this database. Those that made it may still be closing. */
  async function connectionsTo(databaseUrl: string): Promise<number> {
    const sql = "SELECT COUNT(*) AS count FROM information_schema.PROCESSLIST WHERE DB = ?";
    const other = new MysqlClient(
      new MysqlHosts(mysqlUrlOf(databaseUrl)),
      new Availability("MySQL", silent),
    );
    const name = new URL(databaseUrl).pathname.slice(1);
    const [row] = await other.execute<RowDataPacket[]>(sql, [name]);
    await other.close();
    return Number(row?.count);
  }

  /** The same server, with no database. */
  function mysqlUrlOf(databaseUrl: string): string {
    const url = new URL(databaseUrl);
    url.pathname = "/mysql";
    return url.href;
  }

  test("a pool has as many connections as it may, and more statements wait", async () => {
    await using mariadb = await startMariaDb();
    for (const maxConnections of [2, 5]) {
      const databaseUrl = await mariadb.createDatabase();
      const limits = { maxConnections, maxAgeMs: 60_000 };
      const client = new MysqlClient(
        new MysqlHosts(databaseUrl),
        new Availability("MySQL", silent),
        limits,
      );
      let isDone = false;
      const statements = Promise.all(
        Array.from({ length: 12 }, () => client.execute("SELECT SLEEP(0.2)", [])),
      ).finally(() => {
        isDone = true;
      });
      let most = 0;
      while (!isDone) most = Math.max(most, await connectionsTo(databaseUrl));
      await statements;
      expect(most).toBe(maxConnections);
      await client.close();
      await eventually("its connections are closed", async () => {
        return (await connectionsTo(databaseUrl)) === 0;
      });
    }
  });

  test("connections end at their age under load, and no statement fails", async () => {
    await using mariadb = await startMariaDb();
    await using folder = await createFolder();
    const databaseUrl = await mariadb.createDatabase();
    const client = new MysqlClient(new MysqlHosts(mariadb.url), new Availability("MySQL", silent));
    const opened = async (maxAgeMs: number): Promise<number> => {
      const mysqlPool = { maxConnections: 4, maxAgeMs };
      await using storage = await open({ databaseUrl, ...folder }, { mysqlPool });
      const { users } = storage;
      const name = `age${maxAgeMs}`;
      await users.insert(user(name));
      const before = await statusOf(client, "CONNECTIONS");
      const endsAtMs = performance.now() + 3_000;
      let updates = 0;
      const work = async (id: number) => {
        while (performance.now() < endsAtMs) {
          await users.setNickname(name, `${id}`);
          expect(await users.find(name)).toBeDefined();
          updates++;
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, id) => work(id)));
      expect(updates).toBeGreaterThan(8);
      return (await statusOf(client, "CONNECTIONS")) - before;
    };
    expect(await opened(200)).toBeGreaterThan(15);
    expect(await opened(60_000)).toBeLessThan(8);
    await client.close();
  });
});

describe.skipIf(!hasRedis)("Redis", () => {
  test("a command fails when its time is over", async () => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    const openWith = (commandMs: number) =>
      open({ redisUrl, ...folder }, { redisTimeouts: { connectMs: 1_000, commandMs } });
    await using short = await openWith(200);
    await using long = await openWith(MAX_COMMAND_MS);
    await freeze(redis.pid);
    const [shortMs, longMs] = await Promise.all(
      [short, long].map(({ sessions }) =>
        msOf(() => expectStorageError(() => sessions.find("s1"))),
      ),
    );
    process.kill(redis.pid, "SIGCONT");
    expect(shortMs).toBeGreaterThan(150);
    expect(longMs).toBeGreaterThan(MAX_COMMAND_MS - 100);
    expect(shortMs).toBeLessThan(longMs ?? 0);
  });

  test("a connection that does not open is given up when its time is over", async () => {
    // It accepts, and does not begin TLS.
    using silence = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => undefined },
    });
    const redisUrl = `rediss://127.0.0.1:${silence.port}`;
    const waitedMs = async (connectMs: number) => {
      const { log, messages } = recordingLog();
      const timeouts = { connectMs, commandMs: 3_000 };
      const { redis } = connectRedis(redisUrl, new Availability("Redis", log), timeouts);
      const ms = await msOf(() => eventually("it waits", async () => messages.length > 0));
      redis.disconnect();
      return ms;
    };
    const [shortMs = 0, longMs = 0] = await Promise.all([waitedMs(200), waitedMs(2_500)]);
    expect(shortMs).toBeLessThan(longMs);
    expect(longMs).toBeGreaterThan(2_000);
  });

  test("no timeout of a command outlasts what relies on its end", () => {
    // The longest that may be set.
    const longest = load(TCP_TIER, { REDIS_COMMAND_TIMEOUT_MS: `${MAX_COMMAND_MS}` });
    expect(longest.redisTimeouts.commandMs).toBe(MAX_COMMAND_MS);
    const more = `${MAX_COMMAND_MS + 1}`;
    expect(() => load(TCP_TIER, { REDIS_COMMAND_TIMEOUT_MS: more })).toThrow("from 100 to 3000");
    expect(() => load(TCP_TIER, { REDIS_COMMAND_TIMEOUT_MS: "0" })).toThrow("from 100 to 3000");
    expect(() => driverTimeouts({ connectMs: 1_000, commandMs: MAX_COMMAND_MS + 1 })).toThrow(
      RangeError,
    );
    // A mark is set up to this time before its writer begins the update.
    const updatedMs = MAX_COMMAND_MS + LONGEST_STATEMENT_MS;
    expect(updatedMs).toBeLessThan(RECOVERY_MS);
    expect(updatedMs).toBeLessThan(DIRTY_MS);
    // What is remembered for commands that are repeated or late.
    expect(MAX_COMMAND_MS).toBeLessThan(REPEAT_MS);
    expect(driverTimeouts(longest.redisTimeouts).socketTimeout).toBeGreaterThan(MAX_COMMAND_MS);
  });
});

describe("processes", () => {
  test.skipIf(!hasRedis || !hasMariaDb)("a TCP tier has what the variables say", async () => {
    await using folder = await Folder.make();
    await using redis = await startRedis();
    await using mariadb = await startMariaDb();
    const stores = {
      DATABASE_URL: await mariadb.createDatabase(),
      REDIS_URL: await redis.createDatabase(),
      MYSQL_POOL_SIZE: "1",
      MYSQL_CONNECTION_MAX_AGE_SECONDS: "1",
    };
    const start = (commandMs: number) =>
      startTcp(folder.path, { ...stores, REDIS_COMMAND_TIMEOUT_MS: `${commandMs}` });
    await using short = start(100);
    await using long = start(3_000);
    const ports = (await Promise.all([short.listening(), long.listening()])).map((address) =>
      Number(new URL(`tcp://${address}`).port),
    );
    const health = (port: number) => rpc(["System.health"], { port });
    for (const port of ports) expect(await health(port)).toMatchObject({ exitCode: 0 });

    const client = new MysqlClient(new MysqlHosts(mariadb.url), new Availability("MySQL", silent));
    const connections = async () => {
      const sql =
        "SELECT DISTINCT ID AS id FROM information_schema.PROCESSLIST WHERE DB IS NOT NULL";
      const rows = await client.execute<RowDataPacket[]>(sql, []);
      return rows.map(({ id }) => Number(id));
    };
    const first = await connections();
    expect(first.length).toBeLessThanOrEqual(2);
    await Bun.sleep(1_500);
    for (const port of ports) expect(await health(port)).toMatchObject({ exitCode: 0 });
    const second = await connections();
    expect(second.length).toBeGreaterThan(0);
    expect(second.filter((id) => first.includes(id))).toEqual([]);
    await client.close();

    await freeze(redis.pid);
    const [shortMs = 0, longMs = 0] = await Promise.all(
      ports.map((port) => msOf(() => health(port))),
    );
    process.kill(redis.pid, "SIGCONT");
    expect(shortMs).toBeLessThan(longMs);
    expect(longMs).toBeGreaterThan(2_900);
  });

  test("an HTTP tier closes an idle connection after HTTP_KEEP_ALIVE_SECONDS", async () => {
    await using folder = await Folder.make();
    await using http = new Child("src/http-main.ts", {
      environment: {
        ...{ DATA_DIR: folder.path, HTTP_PORT: "0", RPC_ADDRESSES: "127.0.0.1:1" },
        HTTP_KEEP_ALIVE_SECONDS: "10",
      },
    });
    using browser = await RawBrowser.connect(await http.listening());
    expect((await browser.get("/signIn.html")).status).toBe(200);
    const ms = await msOf(() => browser.closed);
    // Bun counts in steps of four seconds. By default, it would be 30 seconds.
    expect(ms).toBeGreaterThan(5_500);
    expect(ms).toBeLessThan(25_000);
  });
});
