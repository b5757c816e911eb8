import { Redis } from "ioredis";
import { askRedis, redisRecipe } from "./redis.ts";
import { ThrowAwayServer } from "./throw-away.ts";

const SENTINELS = 3;
const QUORUM = 2;
const FORMING_TIMEOUT_MS = 60_000;
/** The name of the master. */
export const MASTER_NAME = "portico";

/** One of the two servers that replicate. Tests may break it. */
export interface Replicating {
  readonly port: number;
  readonly pid: number;
  /** Kill it. It keeps no data. */
  kill(): Promise<void>;
  /** Start it again, empty, as a master, on the same port: Sentinels make it a replica. */
  restart(): Promise<void>;
}

export interface RedisSentinels extends AsyncDisposable {
  /** For `REDIS_URL`. */
  readonly url: string;
  readonly servers: readonly Replicating[];
  readonly sentinels: readonly { readonly port: number; readonly pid: number }[];
  /** The port of the master that the first Sentinel names. */
  masterPort(): Promise<number>;
  /** The server that is the master, as the Sentinels say. */
  master(): Promise<Replicating>;
  replica(): Promise<Replicating>;
  /** Change the master although it is well. */
  failOver(): Promise<void>;
  /** Wait until one server is the master and the other its replica, in everyone's view. */
  settled(): Promise<void>;
}

/**
 * Start a master, a replica and three Sentinels.
 * @param downAfterMs after how long without an answer Sentinels consider a server down
 */
export async function startRedisSentinels(downAfterMs: number): Promise<RedisSentinels> {
  await using starting = new AsyncDisposableStack();
  const start = async (options: string[], sentinel = false) => {
    const recipe = redisRecipe(() => options);
    const server = await ThrowAwayServer.start(sentinel ? sentinelRecipe(recipe) : recipe);
    starting.defer(() => server.dispose());
    return server;
  };
  const data = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
  const one = await start(data);
  const other = await start(data);
  await askRedis(other.port, (redis) => redis.replicaof("127.0.0.1", one.port));
  const servers = [one, other];
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => start([], true)));
  for (const { port } of sentinels) {
    await askSentinel(port, async (sentinel) => {
      await sentinel.call("SENTINEL", "MONITOR", MASTER_NAME, "127.0.0.1", one.port, QUORUM);
      for (const [name, value] of [
        ["down-after-milliseconds", downAfterMs],
        ["failover-timeout", 4 * downAfterMs],
      ] as const) {
        await sentinel.call("SENTINEL", "SET", MASTER_NAME, name, value);
      }
    });
  }
  const ports = sentinels.map(({ port }) => port);
  const masterPort = () => masterOf(ports[0] ?? 0);
  const serverWhere = async (isMaster: boolean) => {
    const port = await masterPort();
    const server = servers.find((each) => (each.port === port) === isMaster);
    if (!server) throw new Error(`No server has port ${port}`);
    return server;
  };
  const settled = () => eventuallySettled(ports, servers);
  await settled();
  const started = starting.move();
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  return {
    url: `redis-sentinel://${hosts}/0?sentinelMasterId=${MASTER_NAME}`,
    servers,
    sentinels,
    masterPort,
    master: () => serverWhere(true),
    replica: () => serverWhere(false),
    async failOver() {
      await askSentinel(ports[0] ?? 0, (sentinel) =>
        sentinel.call("SENTINEL", "FAILOVER", MASTER_NAME),
      );
    },
    settled,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Sentinels need a file that they may write. */
function sentinelRecipe(recipe: ReturnType<typeof redisRecipe>): ReturnType<typeof redisRecipe> {
  return {
    name: "Sentinel",
    prepare: async (folder) => void (await Bun.write(`${folder}/sentinel.conf`, "")),
    command: (folder, port) => {
      const [binary = ""] = recipe.command(folder, port);
      const options = ["--port", `${port}`, "--bind", "127.0.0.1"];
      return [binary, `${folder}/sentinel.conf`, "--sentinel", ...options];
    },
    connect: (port) => askSentinel(port, async (sentinel) => void (await sentinel.ping())),
  };
}

async function eventuallySettled(
  sentinels: readonly number[],
  servers: readonly Replicating[],
): Promise<void> {
  const endsAtMs = performance.now() + FORMING_TIMEOUT_MS;
  while (!(await isSettled(sentinels, servers).catch(() => false))) {
    if (performance.now() > endsAtMs) throw new Error("The Sentinels do not agree");
    await Bun.sleep(50);
  }
}

/** All Sentinels know each other and the replica, and no failover runs. */
async function isSettled(sentinels: readonly number[], servers: readonly Replicating[]) {
  const masters = new Set<number>();
  for (const port of sentinels) {
    const state = await askSentinel(port, (sentinel) =>
      sentinel.call("SENTINEL", "MASTER", MASTER_NAME),
    );
    if (!Array.isArray(state)) return false;
    const field = (name: string) => String(state[state.indexOf(name) + 1]);
    if (field("flags") !== "master" || field("num-other-sentinels") !== `${SENTINELS - 1}`) {
      return false;
    }
    if (field("num-slaves") !== "1") return false;
    masters.add(Number(field("port")));
  }
  const [master] = masters;
  if (masters.size !== 1 || master === undefined) return false;
  for (const { port } of servers) {
    const info = await askRedis(port, (redis) => redis.info("replication"));
    const isRight =
      port === master
        ? info.includes("role:master") && /^slave0:.*state=online/m.test(info)
        : info.includes("role:slave") &&
          info.includes(`master_port:${master}\r`) &&
          info.includes("master_link_status:up");
    if (!isRight) return false;
  }
  return true;
}

async function masterOf(sentinel: number): Promise<number> {
  const address = await askSentinel(sentinel, (redis) =>
    redis.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME),
  );
  return Array.isArray(address) ? Number(address[1]) : 0;
}

/** As `askRedis`: a Sentinel does not know all commands that ioredis sends at first. */
async function askSentinel<T>(port: number, ask: (sentinel: Redis) => Promise<T>): Promise<T> {
  const sentinel = new Redis(port, "127.0.0.1", {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  sentinel.on("error", () => undefined);
  try {
    await sentinel.connect();
    return await ask(sentinel);
  } finally {
    sentinel.disconnect();
  }
}
