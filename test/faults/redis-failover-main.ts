// `bun test/faults/redis-failover-main.ts` prints how long each operation fails when the master of
// three Sentinels is lost: the figures of docs/failures.md.
import { freeze } from "../freeze.ts";
import { type RedisSentinels, type Replicating, startRedisSentinels } from "../redis-sentinels.ts";
import { createFolder, newSession, open, user } from "../storage-pairs.ts";

const DOWN_AFTER_MS = 2_000;
const PAUSE_MS = 20;

interface Event {
  readonly name: string;
  hurt(master: Replicating, sentinels: RedisSentinels): Promise<unknown>;
  heal(master: Replicating): Promise<unknown>;
}

const EVENTS: readonly Event[] = [
  {
    name: "SENTINEL FAILOVER",
    hurt: (_, sentinels) => sentinels.failOver(),
    heal: async () => undefined,
  },
  {
    name: "master killed",
    hurt: (master) => master.kill(),
    heal: (master) => master.restart(),
  },
  {
    name: "master frozen",
    hurt: ({ pid }) => freeze(pid),
    heal: async ({ pid }) => process.kill(pid, "SIGCONT"),
  },
];

await using sentinels = await startRedisSentinels(DOWN_AFTER_MS);
await using folder = await createFolder();
await using storage = await open({ redisUrl: sentinels.url, ...folder });
const { sessions } = storage;
const newUser = () => user(`name${Math.round(performance.now())}`);
await sessions.open(newSession("s1", user("grace")));

const OPERATIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  "read a session": () => sessions.find("s1"),
  "sign in": () => sessions.open(newSession(crypto.randomUUID(), newUser())),
  "update a profile": () => sessions.invalidating("grace", async () => undefined),
  "cache a profile": async () => {
    if ((await sessions.lease("grace")) === undefined) throw new Error("no lease");
  },
};

/** @returns the time of the last failure, and how often the operation failed */
async function watch(operation: () => Promise<unknown>, isOver: () => boolean) {
  const startedAtMs = performance.now();
  let [lastMs, failures, longestMs] = [0, 0, 0];
  while (!isOver()) {
    const beganAtMs = performance.now();
    try {
      await operation();
    } catch {
      failures++;
      lastMs = performance.now() - startedAtMs;
    }
    longestMs = Math.max(longestMs, performance.now() - beganAtMs);
    await Bun.sleep(PAUSE_MS);
  }
  return { lastMs, failures, longestMs };
}

const WATCHED_MS = 25_000;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

for (const { name, hurt, heal } of EVENTS) {
  await sentinels.settled();
  const master = await sentinels.master();
  await hurt(master, sentinels);
  const endsAtMs = performance.now() + WATCHED_MS;
  const watched = await Promise.all(
    Object.entries(OPERATIONS).map(async ([what, operation]) => {
      const { lastMs, longestMs } = await watch(operation, () => performance.now() > endsAtMs);
      return `${what}: well after ${seconds(lastMs)}, longest ${seconds(longestMs)}`;
    }),
  );
  console.log(`${name}\n  ${watched.join("\n  ")}`);
  await heal(master);
}
