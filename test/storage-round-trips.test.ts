import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Redis } from "ioredis";
import { SCRIPTS } from "../src/storage/redis/scripts.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { available as hasMariaDb, unsharedMariaDb } from "./mariadb.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { type Stack, startStack } from "./stack.ts";
import { eventually } from "./storage-pairs.ts";

// Counts the round trips of each call to Redis and MySQL with the servers' own counters, so that
// they cannot increase unnoticed.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const GRACE = { username: "grace", password: "hopper1906" };
const AT_ONCE = 64;
/** What many calls at once may cost: one batch, or a few if their frames arrive apart. */
const FEW = 8;

const SCRIPT_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(SCRIPTS).map(([name, { lua }]) => [Bun.SHA1.hash(lua, "hex"), name]),
);

interface Cost {
  /** The commands that Redis received, in order, scripts by their names; without leases. */
  readonly redis: readonly string[];
  /** How often Redis read from a socket, since the commands of one turn arrive together. */
  readonly redisReads: number;
  /** The prepared statements that MySQL ran, those that it prepared, and all others. */
  readonly mysql: { readonly executed: number; readonly prepared: number; readonly others: number };
}

const NO_MYSQL = { executed: 0, prepared: 0, others: 0 };
const ONE_STATEMENT = { executed: 1, prepared: 0, others: 0 };

/** Both tiers on MySQL and Redis, and a counter of their round trips. */
class MeteredStack implements AsyncDisposable {
  readonly stack: Stack;
  readonly redis: Redis;
  readonly #rows: Rows;
  readonly #owned: AsyncDisposableStack;
  /** As `MONITOR` shows them, without the commands inside of scripts. */
  readonly #commands: string[][] = [];

  private constructor(stack: Stack, redis: Redis, rows: Rows, owned: AsyncDisposableStack) {
    this.stack = stack;
    this.redis = redis;
    this.#rows = rows;
    this.#owned = owned;
  }

  static async start(): Promise<MeteredStack> {
    await using owned = new AsyncDisposableStack();
    const databaseUrl = await (await unsharedMariaDb()).createDatabase();
    // A connection of its own, since reading the counters is counted.
    const redisUrl = owned.use(await startRedis()).url;
    const environment = {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      // The hashes of sign-ins that arrive together end together.
      PASSWORD_HASH: "salted-md5",
    };
    const stack = owned.use(await startStack(environment));
    const rows = owned.use(await openRowsAt(databaseUrl, stack.dataDir));
    const redis = owned.adopt(new Redis(redisUrl), (redis) => redis.disconnect());
    const monitor = owned.adopt(await redis.monitor(), (it) => it.disconnect());
    const metered = new MeteredStack(stack, redis, rows, owned.move());
    monitor.on("monitor", (_time: string, command: string[], source: string) => {
      if (source !== "lua") metered.#commands.push(command);
    });
    await metered.#warmUp();
    return metered;
  }

  async costOf(work: () => Promise<unknown>): Promise<Cost> {
    const begin = await this.#mark();
    const before = await this.#counters();
    await work();
    const after = await this.#counters();
    const end = await this.#mark();
    const executed = after.executed - before.executed;
    const commands = this.#commands
      .slice(begin, end)
      .map(([command = "", sha = ""]) => SCRIPT_NAMES.get(sha) ?? command.toLowerCase())
      .filter((command) => !["echo", "info", "exists"].includes(command));
    // One lease serves many calls, and its renewal depends on the time, not on the call.
    const leases = commands.filter((command) => command === "grantLease").length;
    return {
      redis: commands.filter((command) => command !== "grantLease"),
      // Reading the counters counts as one of each.
      redisReads: after.redisReads - before.redisReads - leases - 1,
      mysql: {
        executed,
        prepared: after.prepared - before.prepared,
        others: after.questions - before.questions - executed - 1,
      },
    };
  }

  /** Resolves to the number of commands so far, when all of them have been seen. */
  async #mark(): Promise<number> {
    const mark = crypto.randomUUID();
    await this.redis.echo(mark);
    for (;;) {
      const at = this.#commands.findIndex(([, argument]) => argument === mark);
      if (at >= 0) return at;
      await Bun.sleep(1);
    }
  }

  async #counters() {
    const rows = await this.#rows.query("SHOW GLOBAL STATUS");
    const status = new Map(rows.map((row) => [row.Variable_name, Number(row.Value)]));
    const stats = await this.redis.info("stats");
    return {
      executed: status.get("Com_stmt_execute") ?? Number.NaN,
      prepared: status.get("Com_stmt_prepare") ?? Number.NaN,
      questions: status.get("Questions") ?? Number.NaN,
      redisReads: Number(/total_reads_processed:(\d+)/.exec(stats)?.[1]),
    };
  }

  /** Every script is loaded and every statement prepared once, on each connection. */
  async #warmUp(): Promise<void> {
    const { user } = this.stack;
    await user.signUp(GRACE);
    for (let round = 0; round < 2; round++) {
      const { sessionId } = await user.signIn(GRACE);
      await user.updateNickname({ sessionId, nickname: "Grace" });
      // Soon after an update, it is not cached.
      await eventually("it is cached", async () => {
        await user.getUserInfo({ sessionId });
        return (await this.redis.exists("user:grace")) === 1;
      });
      await user.signOut({ sessionId });
    }
    await this.atOnce((index) => this.signInAsNobody(index));
  }

  async untilCached(): Promise<void> {
    await eventually("it is cached", async () => (await this.redis.exists("user:grace")) === 1);
  }

  async signInAsNobody(index = 0): Promise<unknown> {
    const credentials = { username: `nobody${index}`, password: "password" };
    return this.stack.user.signIn(credentials).catch((error: unknown) => error);
  }

  async atOnce(call: (index: number) => Promise<unknown>): Promise<unknown> {
    return Promise.all(Array.from({ length: AT_ONCE }, (_, index) => call(index)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

describe.skipIf(!hasMariaDb || !hasRedis)("in round trips to Redis and MySQL", () => {
  test("user info costs one to Redis if it is cached", async () => {
    await using metered = await MeteredStack.start();
    const { user } = metered.stack;
    const { sessionId } = await user.signIn(GRACE);
    expect(await metered.costOf(() => user.getUserInfo({ sessionId }))).toEqual({
      redis: ["findSessions"],
      redisReads: 1,
      mysql: NO_MYSQL,
    });
  });

  test("user info costs one more to each if it is not cached, and a fill", async () => {
    await using metered = await MeteredStack.start();
    const { user } = metered.stack;
    const { sessionId } = await user.signIn(GRACE);
    await metered.redis.del("user:grace");
    const { redis, mysql } = await metered.costOf(async () => {
      await user.getUserInfo({ sessionId });
      await metered.untilCached();
    });
    expect({ redis, mysql }).toEqual({
      redis: ["findSessions", "fillProfile", "findSessions"],
      mysql: ONE_STATEMENT,
    });
  });

  test("a sign-in costs one read of MySQL and one to Redis", async () => {
    await using metered = await MeteredStack.start();
    expect(await metered.costOf(() => metered.stack.user.signIn(GRACE))).toEqual({
      redis: ["openSessions"],
      redisReads: 1,
      mysql: ONE_STATEMENT,
    });
    expect(await metered.costOf(() => metered.signInAsNobody())).toEqual({
      redis: [],
      redisReads: 0,
      mysql: ONE_STATEMENT,
    });
  });

  test("a new nickname costs two to MySQL and three to Redis, a sign-out one", async () => {
    await using metered = await MeteredStack.start();
    const { user } = metered.stack;
    const { sessionId } = await user.signIn(GRACE);
    const { redis, redisReads, mysql } = await metered.costOf(() =>
      user.updateNickname({ sessionId, nickname: "Amazing" }),
    );
    expect(mysql).toEqual({ executed: 2, prepared: 0, others: 0 });
    expect(redis).toHaveLength(4);
    expect([redis[0], redis[3]]).toEqual(["findSessions", "clearDirty"]);
    // These two are sent at the same time, but perhaps not in one packet.
    expect(redis.slice(1, 3).sort()).toEqual(["findSessions", "markDirty"]);
    expect(redisReads).toBeLessThanOrEqual(4);
    expect(await metered.costOf(() => user.signOut({ sessionId }))).toEqual({
      redis: ["closeSession"],
      redisReads: 1,
      mysql: NO_MYSQL,
    });
  });

  test("calls at the same time share their round trips", async () => {
    await using metered = await MeteredStack.start();
    const { user } = metered.stack;
    const { sessionId } = await user.signIn(GRACE);
    const info = await metered.costOf(() => metered.atOnce(() => user.getUserInfo({ sessionId })));
    expect(new Set(info.redis)).toEqual(new Set(["findSessions"]));
    expect(info.redis.length).toBeLessThanOrEqual(FEW);
    expect(info.redisReads).toBeLessThanOrEqual(FEW);
    const nobodies = await metered.costOf(() => metered.atOnce((n) => metered.signInAsNobody(n)));
    expect(nobodies.mysql.executed).toBeGreaterThanOrEqual(1);
    expect(nobodies.mysql.executed).toBeLessThanOrEqual(FEW);
    const signIns = await metered.costOf(() => metered.atOnce(() => user.signIn(GRACE)));
    expect(new Set(signIns.redis)).toEqual(new Set(["openSessions"]));
    expect(signIns.redis.length).toBeLessThanOrEqual(FEW);
    expect(signIns.redisReads).toBeLessThanOrEqual(FEW);
  });
});
