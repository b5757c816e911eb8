import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { SystemClient } from "../src/gen/system.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { Child } from "./child.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { SmallDisk } from "./faults/small-disk.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { available as hasRedis, redisRecipe, startRedis } from "./redis.ts";
import { startRedisCluster } from "./redis-cluster.ts";
import { openRedis } from "./redis-keys.ts";
import { answered, rpc } from "./rpc-command.ts";
import { startStack } from "./stack.ts";
import { createFolder, eventually, newSession, open, recordingLog, user } from "./storage-pairs.ts";
import { ThrowAwayServer } from "./throw-away.ts";

// Databases that answer but take no writes. System.health and the start must notice them, since
// sign-ins would fail.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

/** Sessions in a new Redis, and a raw client of it. */
async function openOwn(options: readonly string[] = []) {
  await using opening = new AsyncDisposableStack();
  const server = await ThrowAwayServer.start(redisRecipe(() => [...options]));
  opening.defer(() => server.dispose());
  const redisUrl = `redis://127.0.0.1:${server.port}`;
  const folder = opening.use(await createFolder());
  const { sessions } = opening.use(await open({ redisUrl, ...folder }));
  const raw = opening.adopt(new Redis(redisUrl), (redis) => redis.disconnect());
  const opened = opening.move();
  return { redisUrl, sessions, raw, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

const KINDS = [
  {
    kind: "is a replica by now",
    says: "READONLY",
    hurt: (raw: Redis) => raw.replicaof("127.0.0.1", 1),
    heal: (raw: Redis) => raw.replicaof("NO", "ONE"),
  },
  {
    kind: "is full",
    says: "OOM",
    hurt: (raw: Redis) => raw.config("SET", "maxmemory", "1"),
    heal: (raw: Redis) => raw.config("SET", "maxmemory", "0"),
  },
  {
    kind: "misses its replicas",
    says: "NOREPLICAS",
    hurt: (raw: Redis) => raw.config("SET", "min-replicas-to-write", "1"),
    heal: (raw: Redis) => raw.config("SET", "min-replicas-to-write", "0"),
  },
  {
    kind: "cannot save",
    says: "MISCONF",
    // Redis cannot write there.
    options: ["--dir", "/proc", "--save", "3600 1"],
    hurt: async (raw: Redis) => {
      await raw.bgsave().catch(() => undefined);
      const failed = async () => (await raw.info()).includes("rdb_last_bgsave_status:err");
      await eventually("saving has failed", failed);
    },
    heal: (raw: Redis) => raw.config("SET", "stop-writes-on-bgsave-error", "no"),
  },
];

describe.concurrent.skipIf(!hasRedis)("a Redis", () => {
  test.each(KINDS)("that $kind is down, and a probe leaves no key", async (row) => {
    await using opened = await openOwn(row.options);
    const { sessions, raw } = opened;
    await sessions.ping();
    await row.hurt(raw);
    await expect(sessions.ping()).rejects.toThrow(row.says);
    await expect(sessions.open(newSession("s1", user("grace")))).rejects.toThrow(row.says);
    await row.heal(raw);
    // After READONLY, ioredis looks for the master on a new connection.
    await eventually("it is up", () =>
      sessions.ping().then(
        () => true,
        () => false,
      ),
    );
    expect(await raw.keys("*")).toEqual(["{user:}:history"]);
  });

  test("that is a replica at the start: the start waits, and the message names the master", async () => {
    await using master = await startRedis();
    await using replica = await startRedis();
    await using folder = await createFolder();
    const { port } = new URL(master.url);
    const raw = new Redis(replica.url);
    await raw.replicaof("127.0.0.1", Number(port));
    const whys: string[] = [];
    const { log } = recordingLog();
    const warn = (fields: { why?: string }) => void whys.push(`${fields.why}`);
    const opening = open(
      { redisUrl: replica.url, ...folder },
      { log: Object.assign(log, { warn }) },
    );
    await eventually("it says so", async () => whys.length > 0);
    expect(whys).toEqual([
      `it is a replica, which takes no writes: its master is 127.0.0.1:${port}`,
    ]);
    await raw.replicaof("NO", "ONE");
    await using storage = await opening;
    await storage.sessions.ping();
    raw.disconnect();
  });

  test("that has no database of the number stops the start: database 0 is not taken", async () => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const { host } = new URL(redis.url);
    const refused = await open({ redisUrl: `redis://${host}/9999`, ...folder }).then(
      String,
      String,
    );
    expect(refused).toEndWith(
      `Cannot open Redis at ${host} (REDIS_URL): ERR DB index is out of range`,
    );
  });

  test.skipIf(!programPath(PROGRAMS.redis))("that is a Sentinel stops the start", async () => {
    const recipe = redisRecipe(() => []);
    const sentinel = await ThrowAwayServer.start({
      ...recipe,
      name: "Sentinel",
      prepare: async (folder) => void (await Bun.write(join(folder, "sentinel.conf"), "")),
      command: (folder, port) => [
        ...[programPath(PROGRAMS.redis) ?? "", join(folder, "sentinel.conf"), "--sentinel"],
        ...["--port", String(port), "--bind", "127.0.0.1"],
      ],
    });
    try {
      await using folder = await createFolder();
      const at = `127.0.0.1:${sentinel.port}`;
      for (const redisUrl of [`redis://${at}`, `redis://${at}/3`]) {
        const refused = await open({ redisUrl, ...folder }).then(String, String);
        expect(refused).toEndWith(
          `Cannot open Redis at ${at} (REDIS_URL): ` +
            "it is a Sentinel, which keeps no data: write " +
            "redis-sentinel://host:port/?sentinelMasterId=name",
        );
      }
      const redisUrl = `redis://${at},redis://${at}`;
      const refused = await open({ redisUrl, ...folder }).then(String, String);
      expect(refused).toContain("it is a Sentinel");
    } finally {
      await sentinel.dispose();
    }
  });
});

describe.skipIf(!hasRedis).each([
  ["Redis", 1, () => startRedis()],
  ["Redis Cluster", 3, () => startRedisCluster(5_000)],
] as const)("%s", (_, masters, start) => {
  test("that may evict sessions is warned of at the start, for each master", async () => {
    await using redis = await start();
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    await using raw = await openRedis(redisUrl);
    const servers = raw.keys instanceof Cluster ? raw.keys.nodes("master") : [raw.keys];
    const set = (name: string, value: string) =>
      Promise.all(servers.map((server) => server.config("SET", name, value)));
    const warnings = async () => {
      const { log, messages } = recordingLog();
      await using _storage = await open({ redisUrl, ...folder }, { log });
      return messages.filter((message) => message.startsWith("warn"));
    };
    expect(await warnings()).toEqual([]);
    await set("maxmemory", "100mb");
    expect(await warnings()).toEqual([]);
    await set("maxmemory-policy", "volatile-lru");
    const warned = await warnings();
    expect(warned).toHaveLength(masters);
    expect(warned[0]).toMatch(
      /^warn Redis at 127\.0\.0\.1:\d+ may delete sessions .* set maxmemory-policy noeviction$/,
    );
    await set("maxmemory", "0");
    expect(await warnings()).toEqual([]);
  });
});

test.concurrent.skipIf(!hasRedis)("a cluster with a full master is down", async () => {
  await using cluster = await startRedisCluster(5_000);
  await using folder = await createFolder();
  await using storage = await open({ redisUrl: cluster.url, ...folder });
  const { sessions } = storage;
  await sessions.ping();
  for (const { port } of cluster.masters) {
    const raw = new Redis(port, "127.0.0.1");
    await raw.config("SET", "maxmemory", "1");
    await expect(sessions.ping()).rejects.toThrow("OOM");
    await raw.config("SET", "maxmemory", "0");
    await sessions.ping();
    expect(await raw.dbsize()).toBe(0);
    raw.disconnect();
  }
});

/** How many connections the server has been asked for. */
async function connections(raw: Rows): Promise<number> {
  const [row] = await raw.query("SHOW GLOBAL STATUS LIKE 'Connections'");
  return Number(row?.Value);
}

test.concurrent.skipIf(!hasMariaDb)("a MySQL that takes no more writes is down", async () => {
  await using mariadb = await startMariaDb();
  await using folder = await createFolder();
  const databaseUrl = await mariadb.createDatabase();
  await using storage = await open({ databaseUrl, ...folder });
  await using raw = await openRowsAt(databaseUrl, folder.dataDir);
  await storage.users.ping();
  await raw.query("SET GLOBAL read_only = ON");
  const before = await connections(raw);
  await expect(storage.users.ping()).rejects.toThrow("Cannot ping MySQL");
  // Probes do not wait for many tries.
  expect((await connections(raw)) - before).toBeLessThan(5);
  await raw.query("SET GLOBAL read_only = OFF");
  await eventually("it is up", () =>
    storage.users.ping().then(
      () => true,
      () => false,
    ),
  );
});

describe("SQLite", () => {
  test("that another process keeps locked is down", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    const { users, sessions } = storage;
    await Promise.all([users.ping(), sessions.ping()]);
    using holder = new Database(join(folder.dataDir, "portico.sqlite"));
    holder.run("BEGIN IMMEDIATE");
    for (const store of [users, sessions]) {
      await expect(store.ping()).rejects.toThrow("another process has been writing for 2 s");
    }
    holder.run("COMMIT");
    await Promise.all([users.ping(), sessions.ping()]);
    expect((await readdir(folder.dataDir)).filter((name) => !name.includes("sqlite"))).toEqual([]);
  });

  test.skipIf(!SmallDisk.isAvailable(tmpdir()))("on a full disk is down", async () => {
    const folder = await mkdtemp(join(tmpdir(), "portico-full-"));
    const disk = new SmallDisk(folder, 4);
    await using tcp = new Child("src/tcp-main.ts", {
      environment: { DATA_DIR: folder, RPC_PORT: "0" },
      wrapper: disk.wrapper,
    });
    const [host = "", port] = (await tcp.listening()).split(":");
    const balancer = new Balancer([{ host, port: Number(port) }]);
    const system = new SystemClient(balancer);
    const states = async () => {
      const { users, sessions } = await system.health({});
      return [users.state, sessions.state];
    };
    expect(await states()).toEqual(["up", "up"]);
    await disk.fill(tcp.pid);
    expect(await states()).toEqual(["down", "down"]);
    expect(await states()).toEqual(["down", "down"]);
    await disk.free(tcp.pid);
    expect(await states()).toEqual(["up", "up"]);
    balancer.close();
    await tcp.waitFor(/"why":"[^"]*ENOSPC[^"]*".*SQLite does not work/);
    // Two lines: the users and the sessions.
    await tcp.waitFor(/SQLite works again[\s\S]*SQLite works again/);
    await rm(folder, { recursive: true });
  });
});

test.skipIf(!hasRedis)("bun run rpc System.health ends with 1 if a part is down", async () => {
  await using redis = await startRedis();
  await using stack = await startStack({ REDIS_URL: redis.url });
  const raw = new Redis(redis.url);
  const health = () => rpc(["System.health"], { port: stack.rpcPort });
  const up = { name: "SQLite", state: "up", latencyMs: expect.any(Number) };
  const well = await health();
  expect(well).toEqual(answered(well.stdout));
  await raw.config("SET", "maxmemory", "1");
  const ill = await health();
  expect([ill.exitCode, ill.stderr]).toEqual([1, ""]);
  expect(JSON.parse(ill.stdout)).toMatchObject({ users: up, sessions: { state: "down" } });
  await raw.config("SET", "maxmemory", "0");
  expect((await health()).exitCode).toBe(0);
  raw.disconnect();
});
