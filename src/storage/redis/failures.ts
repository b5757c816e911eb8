import { randomUUID } from "node:crypto";
import type { Cluster, Redis, Result } from "ioredis";
import type { FailureCount, FailureStore } from "../../user/stores.ts";
import type { attempt } from "../attempt.ts";
import { type ObserveOperation, observing } from "../observe.ts";

// The level of a count is the time to live of its key: both sink as time passes. So the clocks of
// the servers do not matter. All keys of a subject share a slot:
//
//   fail:{<hash of the subject>}:<name>        the level of a count
//   fail:{<hash of the subject>}:lifted        a random text if the failures were lifted
//
// The random text is part of the names of levels. So lifting needs no list of them: the old ones
// are no longer read, and expire.

/** Longer than any level. */
export const LIFTED_MS = 3 * 60 * 60_000;

const LEVELS = `
local lifted = redis.call("GET", KEYS[1]) or ""
local levels = {}
for index = 2, #KEYS do
  local key = KEYS[index] .. lifted
  local levelMs = math.max(redis.call("PTTL", key), 0)
`;

const SCRIPTS = {
  // Raises each level. Takes the time that it is raised by and its highest value for each.
  chargeFailures: `${LEVELS}
  local everyMs, highestMs = tonumber(ARGV[index * 2 - 3]), tonumber(ARGV[index * 2 - 2])
  levelMs = math.min(levelMs + everyMs, highestMs)
  redis.call("SET", key, "", "PX", levelMs)
  levels[index - 1] = levelMs
end
return levels`,
  readFailures: `${LEVELS}
  levels[index - 1] = levelMs
end
return levels`,
} as const;

type ScriptArguments = (string | number)[];

declare module "ioredis" {
  interface RedisCommander<Context> {
    /** @param args the key of lifts, the keys of the counts, everyMs and highestMs of each */
    chargeFailures(keys: number, ...args: ScriptArguments): Result<number[], Context>;
    /** @param args the key of lifts, the keys of the counts */
    readFailures(keys: number, ...args: string[]): Result<number[], Context>;
  }
}

/** Failures in one Redis or in a cluster, where each subject has its own slot. */
export class RedisFailures implements FailureStore {
  readonly #redis: Redis | Cluster;
  readonly #attempt: typeof attempt;

  /** @param redis belongs to the store of sessions */
  constructor(redis: Redis | Cluster, observe?: ObserveOperation) {
    this.#redis = redis;
    this.#attempt = observing("redis", observe);
    for (const [name, lua] of Object.entries(SCRIPTS)) redis.defineCommand(name, { lua });
  }

  charge(counts: readonly FailureCount[]): Promise<number[]> {
    return this.#bySubject("count a failure", counts, (keys, some) => {
      const times = some.flatMap(({ everyMs, highestMs }) => [everyMs, highestMs]);
      return this.#redis.chargeFailures(keys.length, ...keys, ...times);
    });
  }

  levels(counts: readonly FailureCount[]): Promise<number[]> {
    return this.#bySubject("read failures", counts, (keys) =>
      this.#redis.readFailures(keys.length, ...keys),
    );
  }

  async lift(subject: string): Promise<void> {
    const key = `${prefixOf(subject)}lifted`;
    await this.#attempt("lift failures", () => this.#redis.set(key, randomUUID(), "PX", LIFTED_MS));
  }

  /** Run a script for each subject. The scripts of all subjects share a round trip. */
  #bySubject(
    action: string,
    counts: readonly FailureCount[],
    run: (keys: string[], some: readonly FailureCount[]) => Promise<number[]>,
  ): Promise<number[]> {
    return this.#attempt(action, async () => {
      // Commands would wait for the connection, but a sign-in should not.
      if (this.#redis.status !== "ready") throw new Error("Redis is not connected");
      const levels = new Map<FailureCount, number>();
      const groups = Map.groupBy(counts, ({ subject }) => subject);
      await Promise.all(
        [...groups].map(async ([subject, some]) => {
          const prefix = prefixOf(subject);
          const names = some.map(({ name }) => prefix + name);
          const found = await run([`${prefix}lifted`, ...names], some);
          for (const [index, count] of some.entries()) levels.set(count, found[index] ?? 0);
        }),
      );
      return counts.map((count) => levels.get(count) ?? 0);
    });
  }
}

/** A hash, so that keys are short and name no account. */
function prefixOf(subject: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(subject).digest("hex");
  return `fail:{${hash.slice(0, 32)}}:`;
}
