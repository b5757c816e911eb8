// How many failures are allowed. Failures are counted by GCRA: each count has a level, a time. A
// failure raises the level by `everyMs`, and the level sinks as time passes. If there is no room
// for one more failure below `burst` times `everyMs`, further attempts are refused.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What is counted together, and how many are allowed. */
export interface Limit {
  /** Part of keys in Redis, and the reason in audit lines. */
  readonly name: string;
  /** How many failures are allowed in a row. */
  readonly burst: number;
  /** After this time, one more failure is allowed. */
  readonly everyMs: number;
  /** How many passwords may be checked at once on one server, before any proves right or wrong. */
  readonly atOnce: number;
}

export const LIMITS = {
  /** Sign-ins to one account from one network, without a known device. */
  network: { name: "network", burst: 10, everyMs: MINUTE_MS, atOnce: 3 },
  /** Sign-ins to one account without a known device, from everywhere. */
  account: { name: "account", burst: 30, everyMs: MINUTE_MS / 2, atOnce: 3 },
  /** The same for one network, once those from everywhere are used up. Nobody else uses them up. */
  reserve: { name: "reserve", burst: 2, everyMs: HOUR_MS / 2, atOnce: 2 },
  /** The same for all networks of a /48 of IPv6 together: it has 256 of them. */
  siteReserve: { name: "site_reserve", burst: 8, everyMs: HOUR_MS / 8, atOnce: 4 },
  /** Sign-ins to one account from one known device. */
  device: { name: "device", burst: 10, everyMs: HOUR_MS / 10, atOnce: 3 },
  /**
   * The same from all known devices of an account. Each sign-in without a known device makes one,
   * so a thief of a password can have any number of them after it was changed, and an earlier owner
   * of a name.
   */
  devices: { name: "devices", burst: 50, everyMs: MINUTE_MS, atOnce: 8 },
  /** Passwords that one session is asked for again, as for a new password. */
  session: { name: "session", burst: 10, everyMs: HOUR_MS / 10, atOnce: 3 },
  /** Sign-ins from one address, and sign-ups with a name that is taken. */
  address: { name: "address", burst: 50, everyMs: MINUTE_MS / 10, atOnce: 8 },
  /** The same for all addresses of a /48 of IPv6 together. Many customers may share it. */
  site: { name: "site", burst: 1_000, everyMs: MINUTE_MS / 200, atOnce: 32 },
  /** Sign-ups from one address, even if they succeed. */
  signUps: { name: "sign_ups", burst: 10, everyMs: HOUR_MS / 10, atOnce: 8 },
  /** The same for all addresses of a /48 of IPv6 together. */
  siteSignUps: { name: "site_sign_ups", burst: 200, everyMs: HOUR_MS / 200, atOnce: 32 },
} as const satisfies Readonly<Record<string, Limit>>;

/** How often something happened, by the names of the limits. */
export class LimitCounts {
  readonly byName: Record<string, number> = Object.fromEntries(
    Object.values(LIMITS).map(({ name }) => [name, 0]),
  );

  add({ limit: { name } }: { readonly limit: Limit }): void {
    this.byName[name] = (this.byName[name] ?? 0) + 1;
  }
}

/**
 * The highest level. Several servers may each let one attempt too many pass. These are counted,
 * too, so that they are missing later. The limit of that debt is one more burst.
 */
export function highestLevelMs({ burst, everyMs }: Limit): number {
  return 2 * burst * everyMs;
}

/** The level after one more failure. The script in src/storage/redis/failures.ts does the same. */
export function levelAfterFailureMs(limit: Limit, levelMs: number): number {
  return Math.min(levelMs + limit.everyMs, highestLevelMs(limit));
}

/** How long until one more failure is allowed; 0 if it is allowed now. */
export function blockedMs({ burst, everyMs }: Limit, levelMs: number): number {
  return Math.max(0, levelMs - (burst - 1) * everyMs);
}

/** How many more failures are allowed now. */
export function failuresLeft(limit: Limit, levelMs: number): number {
  if (blockedMs(limit, levelMs) > 0) return 0;
  // Rounding must not contradict the line above.
  return Math.max(1, Math.floor(limit.burst - levelMs / limit.everyMs));
}
