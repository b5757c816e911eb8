import { Redis } from "ioredis";
import { freeze } from "../freeze.ts";
import { startRedis } from "../redis.ts";
import type { Faults } from "./faults.ts";

const FROZEN_MS = 2_000;
const DOWN_MS = 200;

/** How Redis is set up. */
export const REDIS_KINDS = ["single"] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

/** The Redis of a site. */
export interface RedisSite extends AsyncDisposable {
  /** For `REDIS_URL`. */
  readonly url: string;
  /** Their names begin with "Redis". */
  readonly faults: Faults;
  /** How many times Redis may have lost data; counted before and after each loss. */
  losses(): number;
  /** The nicknames of these users in the cache; undefined for a user that is not in it. */
  cached(usernames: readonly string[]): Promise<readonly (string | undefined)[]>;
}

export async function startRedisSite(_kind: RedisKind): Promise<RedisSite> {
  await using cleanup = new AsyncDisposableStack();
  const redis = cleanup.use(await startRedis());
  const url = await redis.createDatabase();
  const raw = new Redis(url);
  cleanup.defer(() => raw.disconnect());
  // Callers get the error; without a listener, ioredis prints every refused connection.
  raw.on("error", () => undefined);
  let losses = 0;
  const started = cleanup.move();
  return {
    url,
    losses: () => losses,
    faults: {
      "Redis frozen": async () => {
        await freeze(redis.pid);
        await Bun.sleep(FROZEN_MS);
        process.kill(redis.pid, "SIGCONT");
      },
      "Redis killed, restarted empty": async () => {
        losses++;
        await redis.kill();
        await Bun.sleep(DOWN_MS);
        await redis.restart();
        losses++;
      },
    },
    async cached(usernames) {
      const found = await Promise.all(
        usernames.map((username) => raw.hget(`user:${username}`, "nickname")),
      );
      return found.map((nickname) => nickname ?? undefined);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
