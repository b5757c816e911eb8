import type { Site } from "./site.ts";

const CALM_MS = 500;

/**
 * After Redis was away, servers do not fill the cache for a while. So Redis is broken only in every
 * third round: otherwise there would hardly be a cache to check.
 */
const ROUNDS_PER_REDIS_FAULT = 3;

/**
 * Run all faults one after the other, in random order, again and again until `endsAt` or `isOver`.
 * @returns how often each was run
 */
export async function injectFaults(
  { faults }: Site,
  random: () => number,
  endsAt: number,
  isOver: () => boolean,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let round = 0; performance.now() < endsAt && !isOver(); round++) {
    const sparesRedis = round % ROUNDS_PER_REDIS_FAULT !== 1;
    const left = Object.keys(faults).filter((name) => !sparesRedis || !name.startsWith("Redis"));
    while (left.length > 0 && !isOver()) {
      const [name = ""] = left.splice(Math.floor(random() * left.length), 1);
      await Bun.sleep(CALM_MS * (0.5 + random()));
      await faults[name]?.();
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}
