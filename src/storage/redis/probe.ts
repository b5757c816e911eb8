import type { Cluster, Redis } from "ioredis";

/**
 * Rejects if Redis would refuse a write: it is a replica or a Sentinel, is full, cannot save or
 * misses its replicas. Nothing is written, since the key does not exist.
 */
export function wouldWrite(redis: Redis | Cluster, key: string): Promise<unknown> {
  return redis.set(key, "", "PX", 1, "XX");
}
