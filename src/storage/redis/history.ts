import { setTimeout as sleep } from "node:timers/promises";
import type { Redis, Result } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import { HISTORY_KEY, latestLeaseKey } from "./keys.ts";

// A replica that becomes the master may lack the last writes of the old one: drops of copies, and
// marks. So no copy and no lease of an earlier master is used. Redis names the time as a master
// with `master_replid`, which is new after each promotion and each restart. The key of the history
// holds that name, and is replicated: if it has another name than the server, the server has just
// become the master.

/** Longer than any copy lives. */
const KEY_MS = 400 * 24 * 3600_000;
const SCANNED_KEYS = 1_000;
const RETRY_MS = 100;
const WARNED_ATTEMPTS = 10;

const SCRIPTS = {
  // Returns the name of the history, how long ago the first server saw it, and whether copies of
  // earlier ones are gone; nil if the user may not read the name. Without a key, no earlier copies
  // exist for a server that starts.
  beginHistory: {
    numberOfKeys: 1,
    lua: `
local info = redis.pcall("INFO", "replication")
local id = type(info) == "string" and string.match(info, "master_replid:(%x+)")
if not id then return end
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call("HMGET", KEYS[1], "id", "sinceMs", "isClean")
if known[1] ~= id then
  local isNew = not known[1] and ARGV[1] == "start"
  known = { id, isNew and 0 or nowMs, isNew and 1 or 0 }
  redis.call("DEL", KEYS[1])
  redis.call("HSET", KEYS[1], "id", id)
  redis.call("HSET", KEYS[1], "sinceMs", string.format("%d", known[2]))
  redis.call("HSET", KEYS[1], "isClean", known[3])
end
redis.call("PEXPIRE", KEYS[1], "${KEY_MS}")
return { id, nowMs - known[2], tonumber(known[3]) }`,
  },
  // Returns nil if the server has another history now.
  cleanHistory: {
    numberOfKeys: 1,
    lua: `
if redis.call("HGET", KEYS[1], "id") ~= ARGV[1] then return end
if not string.find(redis.call("INFO", "replication"), "master_replid:" .. ARGV[1], 1, true) then
  return
end
redis.call("HSET", KEYS[1], "isClean", 1)
return 1`,
  },
} as const;

declare module "ioredis" {
  interface RedisCommander<Context> {
    beginHistory(
      key: string,
      when: "start" | "reconnected",
    ): Result<[id: string, ageMs: number, isClean: 0 | 1] | null, Context>;
    cleanHistory(key: string, id: string): Result<1 | null, Context>;
  }
}

/** Called when a connection has learned its history, with how long ago it began. */
type OnBegun = (ageMs: number) => void;

/** The history of the Redis that a client is connected to. */
export class History {
  readonly #redis: Redis;
  readonly #log: Log;
  readonly #onBegun: OnBegun;
  /** Counts the connections. */
  #connection = 0;
  #isKnown = false;

  constructor(redis: Redis, log: Log, onBegun: OnBegun) {
    this.#redis = redis;
    this.#log = log;
    this.#onBegun = onBegun;
    for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script);
    redis.on("close", () => {
      this.#connection++;
      this.#isKnown = false;
    });
    redis.on("ready", () => void this.begin("reconnected"));
  }

  /** Whether all copies on the connected server belong to its history. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Changes if the client may have connected to another server. */
  get connection(): number {
    return this.#connection;
  }

  /** Learn the history of this connection. Resolves when it is known, or the connection is lost. */
  async begin(when: "start" | "reconnected"): Promise<void> {
    const connection = this.#connection;
    const isSame = () => connection === this.#connection && this.#redis.status === "ready";
    for (let attempts = 1; isSame() && !this.#isKnown; attempts++) {
      try {
        const ageMs = await this.#learn(when);
        if (isSame() && ageMs !== undefined) {
          this.#isKnown = true;
          this.#onBegun(ageMs);
        }
      } catch (err) {
        const what = "cannot tell whether Redis was replaced, so no cached profile is used";
        if (attempts === WARNED_ATTEMPTS) this.#log.warn({ err }, `${what}: trying again`);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** @returns the age of the history, once no earlier copies exist; undefined if it has changed */
  async #learn(when: "start" | "reconnected"): Promise<number | undefined> {
    const found = await this.#redis.beginHistory(HISTORY_KEY, when);
    // Without the right to INFO, a new master looks like the old one.
    if (!found) return Infinity;
    const [id, ageMs, isClean] = found;
    if (isClean === 1) return ageMs;
    await this.#purge();
    return (await this.#redis.cleanHistory(HISTORY_KEY, id)) === null ? undefined : ageMs;
  }

  /** Delete all copies, and all leases that an earlier master has granted. */
  async #purge(): Promise<void> {
    let cursor = "0";
    let deleted = 0;
    do {
      const [next, keys] = await this.#redis.scan(
        cursor,
        "MATCH",
        "*user:*",
        "COUNT",
        SCANNED_KEYS,
      );
      const copies = keys.filter(isCopy);
      const old = [...copies, ...keys.filter(isLease)];
      if (old.length > 0) await this.#redis.unlink(...old);
      deleted += copies.length;
      cursor = next;
    } while (cursor !== "0");
    if (deleted === 0) return;
    this.#log.info({ deleted }, "another Redis is the master: deleted cached profiles");
  }
}

/** No username has braces: a key with `user:{` is of a session. */
function isCopy(key: string): boolean {
  return /^user:[^{}]*$/s.test(key);
}

function isLease(key: string): boolean {
  return key.startsWith("{user:}:lease:") && key !== latestLeaseKey("");
}
