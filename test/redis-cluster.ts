import { Command } from "ioredis";
import { askRedis, redisRecipe } from "./redis.ts";
import { ThrowAwayServer } from "./throw-away.ts";

const MASTERS = 3;
const SLOTS = 16_384;
const FORMING_TIMEOUT_MS = 60_000;
/** How long the move of a slot pauses before its keys move, and again after. */
const MOVING_MS = 100;
/** Node timeout of the shared cluster: long, so that a busy machine marks no node as failed. */
const PATIENT_MS = 15_000;

/** One master of a cluster. Tests may kill it. */
export interface Master {
  readonly port: number;
  readonly pid: number;
  /** Kill it. Its keys are lost; it keeps its slots. */
  kill(): Promise<void>;
  /** Start it again, empty, on the same port. */
  restart(): Promise<void>;
}

export interface RedisCluster extends AsyncDisposable {
  /** For `REDIS_URL`. */
  readonly url: string;
  readonly masters: readonly Master[];
  /** The master that held a key's slot when the cluster was started. */
  masterOf(key: string): Master;
  /** Move the slot of a key with all its keys, slowly. */
  moveSlot(key: string, from: Master, to: Master): Promise<void>;
  /**
   * The cluster's only database, emptied. Tests that share a cluster run one after the other.
   */
  createDatabase(): Promise<string>;
}

/**
 * Start a cluster of three masters. If one is down, the others go on serving.
 * @param nodeTimeoutMs after how long they mark each other as failed
 */
export async function startRedisCluster(nodeTimeoutMs: number): Promise<RedisCluster> {
  const recipe = redisRecipe((port) => [
    ...["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"],
    // The default, 10,000 above, is often beyond the last port.
    ...["--cluster-port", String(busPort(port)), "--cluster-announce-ip", "127.0.0.1"],
    ...["--cluster-node-timeout", String(nodeTimeoutMs)],
  ]);
  await using starting = new AsyncDisposableStack();
  const masters = await Promise.all(
    Array.from({ length: MASTERS }, async () => {
      const server = await ThrowAwayServer.start(recipe);
      starting.defer(() => server.dispose());
      return server;
    }),
  );
  const ports = masters.map(({ port }) => port);
  await form(ports);
  const started = starting.move();
  const url = ports.map((port) => `redis://127.0.0.1:${port}`).join(",");
  return {
    url,
    masters,
    masterOf(key) {
      const slot = slotOf(key);
      const master = masters.find((_, index) => slot <= slotsOf(index).last);
      if (!master) throw new Error(`No master has slot ${slot}`);
      return master;
    },
    async moveSlot(key, from, to) {
      const slot = slotOf(key);
      const idOf = ({ port }: Master) => askRedis(port, (redis) => redis.cluster("MYID"));
      const [source, target] = [await idOf(from), await idOf(to)];
      await askRedis(to.port, (redis) => redis.cluster("SETSLOT", slot, "IMPORTING", source));
      await askRedis(from.port, async (redis) => {
        await redis.cluster("SETSLOT", slot, "MIGRATING", target);
        await Bun.sleep(MOVING_MS);
        const keys = await redis.cluster("GETKEYSINSLOT", slot, 1_000);
        await redis.migrate("127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...keys);
        await Bun.sleep(MOVING_MS);
      });
      for (const { port } of [to, from, ...masters]) {
        await askRedis(port, (redis) => redis.cluster("SETSLOT", slot, "NODE", target));
      }
    },
    async createDatabase() {
      await untilWhole(ports);
      await Promise.all(ports.map((port) => askRedis(port, (redis) => redis.flushall())));
      return url;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

let shared: Promise<RedisCluster> | undefined;

/** The cluster of this test process, started at first use. */
export function sharedRedisCluster(): Promise<RedisCluster> {
  shared ??= startRedisCluster(PATIENT_MS);
  return shared;
}

/** Assign the slots and make the masters meet. */
async function form(ports: readonly number[]): Promise<void> {
  for (const [index, port] of ports.entries()) {
    const { first, last } = slotsOf(index);
    await askRedis(port, async (redis) => {
      await redis.cluster("ADDSLOTSRANGE", first, last);
      // Masters with equal epochs would first have to settle a conflict.
      await redis.cluster("SET-CONFIG-EPOCH", index + 1);
      for (const other of ports.slice(0, index)) {
        await redis.cluster("MEET", "127.0.0.1", other, busPort(other));
      }
    });
  }
  await untilWhole(ports);
}

/** Wait until each master reports a healthy cluster. */
async function untilWhole(ports: readonly number[]): Promise<void> {
  const endsAtMs = performance.now() + FORMING_TIMEOUT_MS;
  for (const port of ports) {
    while (!isWhole(await askRedis(port, (redis) => redis.cluster("INFO")))) {
      if (performance.now() > endsAtMs) throw new Error("The cluster is not whole");
      await Bun.sleep(50);
    }
  }
}

function isWhole(info: unknown): boolean {
  const wanted = ["state:ok", `slots_ok:${SLOTS}`, `known_nodes:${MASTERS}`, `size:${MASTERS}`];
  return wanted.every((line) => String(info).includes(`cluster_${line}\r\n`));
}

function slotOf(key: string): number {
  return Number(new Command("get", [key]).getSlot());
}

function slotsOf(master: number): { first: number; last: number } {
  const edge = (index: number) => Math.floor((SLOTS * index) / MASTERS);
  return { first: edge(master), last: edge(master + 1) - 1 };
}

function busPort(port: number): number {
  return port - 10_000;
}
