import type { CallStats, MethodCount } from "./call-stats.ts";
import type { MethodStats, PartHealth, ServiceDescription } from "./gen/system-messages.ts";
import type { SystemService } from "./gen/system-service.ts";

/** A database, as far as its health is concerned. */
export interface Part {
  /** What it is, as in "MySQL". */
  readonly database: string;
  /** Rejects, in bounded time, where it does not answer. */
  ping(): Promise<void>;
}

export interface SystemParts {
  readonly users: Part;
  readonly sessions: Part;
  readonly services: readonly ServiceDescription[];
  readonly stats: CallStats;
  openConnections(): number;
}

/** What every server tells of itself; its uptime begins here. */
export function createSystemService(parts: SystemParts): SystemService {
  const startedAtMs = performance.now();
  return {
    async health() {
      const [server, users, sessions] = await Promise.all([
        check(EVENT_LOOP),
        check(parts.users),
        check(parts.sessions),
      ]);
      return { server, users, sessions };
    },

    async describe() {
      return { services: parts.services };
    },

    async stats() {
      return {
        uptimeMs: performance.now() - startedAtMs,
        openConnections: parts.openConnections(),
        methods: Array.from(parts.stats.methods, methodStats),
      };
    },
  };
}

/** A server that answers is up; how busy it is shows in the time until its event loop comes by. */
const EVENT_LOOP: Part = {
  database: "Portico",
  ping: () => new Promise((resolve) => setImmediate(resolve)),
};

async function check(part: Part): Promise<PartHealth> {
  const askedAtMs = performance.now();
  // Why it is down is in the server's own log.
  const state = await part.ping().then(
    () => "up" as const,
    () => "down" as const,
  );
  return { name: part.database, state, latencyMs: performance.now() - askedAtMs };
}

function methodStats([method, count]: [name: string, MethodCount]): MethodStats {
  const { calls, errors, inFlight, latency } = count;
  const within = (part: number): number => latency.quantile(part);
  const latencyMs = calls > 0 ? { p50: within(0.5), p90: within(0.9), p99: within(0.99) } : null;
  return { method, calls, errors, inFlight, latencyMs };
}
