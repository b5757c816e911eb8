import { Cluster, Redis } from "ioredis";
import { freeze } from "../freeze.ts";
import { startRedis } from "../redis.ts";
import { startRedisCluster } from "../redis-cluster.ts";
import { type Replicating, startRedisSentinels } from "../redis-sentinels.ts";
import type { Faults } from "./faults.ts";

const FROZEN_MS = 2_000;
const DOWN_MS = 200;
/** Sentinels and masters consider a server down after this time: a frozen one just gets there. */
const DOWN_AFTER_MS = 1_500;
/** Shorter, so that the Sentinels do not miss the replica. */
const BEHIND_MS = 700;
const LONGEST_FAILOVER_MS = 30_000;

/** How Redis is set up. */
export const REDIS_KINDS = ["single", "sentinel", "cluster"] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

/** The Redis of a site. */
export interface RedisSite extends AsyncDisposable {
  /** For `REDIS_URL`. */
  readonly url: string;
  /** Their names begin with "Redis". */
  readonly faults: Faults;
  /** Changes with each call while Redis may lose data, and is another number afterwards. */
  losses(): number;
  /** The nicknames of these users in the cache; undefined for a user that is not in it. */
  cached(usernames: readonly string[]): Promise<readonly (string | undefined)[]>;
}

export async function startRedisSite(kind: RedisKind): Promise<RedisSite> {
  await using cleanup = new AsyncDisposableStack();
  const losses = new Losses();
  const { url, faults, open } = await STARTS[kind](cleanup, losses);
  const raw = open();
  cleanup.defer(() => raw.disconnect());
  // Callers get the error; without a listener, ioredis prints every refused connection.
  raw.on("error", () => undefined);
  const started = cleanup.move();
  return {
    url,
    faults,
    losses: () => losses.count,
    async cached(usernames) {
      const found = await Promise.all(
        usernames.map((username) => raw.hget(`user:${username}`, "nickname")),
      );
      return found.map((nickname) => nickname ?? undefined);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** The losses, of which any number may happen as long as a fault lasts. */
class Losses {
  #count = 0;
  #isLosing = false;

  get count(): number {
    if (this.#isLosing) this.#count++;
    return this.#count;
  }

  /** Run a fault that may lose data. */
  async during(fault: () => Promise<void>): Promise<void> {
    this.#isLosing = true;
    await fault();
    this.#count++;
    this.#isLosing = false;
  }
}

interface Started {
  readonly url: string;
  readonly faults: Faults;
  /** Open a connection for the checker itself. */
  open(): Redis | Cluster;
}

type Start = (cleanup: AsyncDisposableStack, losses: Losses) => Promise<Started>;

const STARTS: Readonly<Record<RedisKind, Start>> = {
  single: async (cleanup, losses) => {
    const redis = cleanup.use(await startRedis());
    const url = await redis.createDatabase();
    return {
      url,
      open: () => new Redis(url),
      faults: {
        "Redis frozen": () => frozen(redis.pid),
        "Redis killed, restarted empty": () => losses.during(() => restartedEmpty(redis)),
      },
    };
  },

  sentinel: async (cleanup, losses) => {
    const site = cleanup.use(await startRedisSentinels(DOWN_AFTER_MS));
    /** Hurt the master, wait until it is replaced, and heal it. */
    const replaced = async (
      hurt: (master: Replicating) => Promise<unknown>,
      heal: (master: Replicating) => unknown = () => undefined,
    ) => {
      const master = await site.master();
      await hurt(master);
      const endsAtMs = performance.now() + LONGEST_FAILOVER_MS;
      while ((await site.masterPort()) === master.port && performance.now() < endsAtMs) {
        await Bun.sleep(20);
      }
      await heal(master);
      await site.settled();
    };
    const goOn = ({ pid }: Replicating) => process.kill(pid, "SIGCONT");
    // A replica that becomes the master may lack the last writes: sessions of the last moments.
    return {
      url: site.url,
      open: () => sentinelClient(site.url),
      faults: {
        "Redis master frozen for a moment": () =>
          losses.during(async () => {
            await frozen((await site.master()).pid);
            await site.settled();
          }),
        "Redis master frozen, replaced, continued": () =>
          losses.during(() => replaced(({ pid }) => freeze(pid), goOn)),
        "Redis master killed, replaced, restarted": () =>
          losses.during(() =>
            replaced(
              (master) => master.kill(),
              (master) => master.restart(),
            ),
          ),
        // The replica misses the last writes, and becomes the master.
        "Redis master killed, its replica behind": () =>
          losses.during(async () => {
            const replica = await site.replica();
            await freeze(replica.pid);
            await Bun.sleep(BEHIND_MS);
            await replaced(
              async (master) => {
                await master.kill();
                goOn(replica);
              },
              (master) => master.restart(),
            );
          }),
        "Redis master changed by SENTINEL FAILOVER": () =>
          losses.during(() => replaced(() => site.failOver())),
      },
    };
  },

  cluster: async (cleanup, losses) => {
    const cluster = cleanup.use(await startRedisCluster(DOWN_AFTER_MS));
    const [url = ""] = cluster.url.split(",");
    let turn = 0;
    const next = () => {
      const master = cluster.masters[turn++ % cluster.masters.length];
      if (!master) throw new Error("The cluster has no master");
      return master;
    };
    return {
      url,
      open: () => new Cluster(cluster.url.split(",")),
      faults: {
        "Redis master frozen": () => frozen(next().pid),
        "Redis master killed, restarted empty": () => losses.during(() => restartedEmpty(next())),
      },
    };
  },
};

async function frozen(pid: number): Promise<void> {
  await freeze(pid);
  await Bun.sleep(FROZEN_MS);
  process.kill(pid, "SIGCONT");
}

interface Restartable {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

async function restartedEmpty(server: Restartable): Promise<void> {
  await server.kill();
  await Bun.sleep(DOWN_MS);
  await server.restart();
}

function sentinelClient(url: string): Redis {
  const { host, searchParams } = new URL(url.replace(/,[^/]*/, ""));
  const [sentinel = "", port] = host.split(":");
  return new Redis({
    sentinels: [{ host: sentinel, port: Number(port) }],
    name: searchParams.get("sentinelMasterId") ?? "",
    // Leave a master that hangs or was replaced.
    commandTimeout: 1_000,
    socketTimeout: 1_500,
    maxRetriesPerRequest: 1,
    failoverDetector: true,
  });
}
