import type { Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";

/**
 * Warn about each master that may delete keys when its memory is full. If a mark or an index of
 * sessions is evicted, a profile may be stale, and a session may outlive a change of its password.
 */
export async function warnIfEvicting(masters: readonly Redis[], log: Log): Promise<void> {
  await Promise.all(masters.map((master) => warnIfOneEvicts(master, log)));
}

async function warnIfOneEvicts(master: Redis, log: Log): Promise<void> {
  let memory: string;
  try {
    memory = await master.info("memory");
  } catch (err) {
    // The user may lack the right to INFO, or the server may just have gone down.
    log.debug({ err }, "cannot read the memory settings of Redis");
    return;
  }
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(memory)?.[1];
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction" || (field("maxmemory") ?? "0") === "0") return;
  const { host, port } = master.options;
  const what = `Redis at ${host}:${port} may delete sessions and marks when its memory is full`;
  log.warn({ policy }, `${what}: set maxmemory-policy noeviction`);
}
