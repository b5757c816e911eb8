import type { MethodStats, PartHealth, ServiceDescription, SystemService } from "../gen/system.ts";
import type { Log } from "../rpc/log.ts";
import type { DispatchTable } from "../rpc/method.ts";
import type { CallStats, MethodCount } from "./call-stats.ts";

/** A database, as far as its health is concerned. */
export interface Part {
  /** What it is, as in "MySQL". */
  readonly database: string;
  /** Rejects, in bounded time, where it does not answer, or takes no writes. */
  ping(): Promise<void>;
}

export interface SystemParts {
  readonly users: Part;
  readonly sessions: Part;
  readonly stats: CallStats;
  readonly log: Log;
  /** All that the server serves, this service included. Called after the start. */
  tables(): readonly DispatchTable[];
  openConnections(): number;
}

/** What every server tells of itself; its uptime begins here. */
export function createSystemService(parts: SystemParts): SystemService {
  const startedAtMs = performance.now();
  /** What was down when it was last asked: each change is logged once. */
  const down = new Set<Part>();
  const tell = (part: Part, cause: unknown): void => {
    if ((cause !== undefined) === down.has(part)) return;
    if (down.delete(part)) parts.log.info(`${part.database} works again`);
    else {
      down.add(part);
      const why = cause instanceof Error ? cause.message : String(cause);
      parts.log.warn({ why }, `${part.database} does not work`);
    }
  };
  return {
    async health() {
      const [server, users, sessions] = await Promise.all([
        check(EVENT_LOOP, tell),
        check(parts.users, tell),
        check(parts.sessions, tell),
      ]);
      return { server, users, sessions };
    },

    async describe() {
      return { services: parts.tables().map(describeService) };
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

function describeService(table: DispatchTable): ServiceDescription {
  const [service = ""] = table[0]?.method.name.split(".") ?? [];
  const methods = table.map(({ method }) => ({
    name: method.name.slice(`${service}.`.length),
    number: method.number,
    hash: method.hash,
    summary: method.summary,
    idempotent: method.idempotent,
    errors: method.errors,
    request: method.request.Schema(),
    reply: method.reply.Schema(),
  }));
  return { service, methods };
}

/** A server that answers is up; how busy it is shows in the time until its event loop comes by. */
const EVENT_LOOP: Part = {
  database: "Portico",
  ping: () => new Promise((resolve) => setImmediate(resolve)),
};

async function check(part: Part, tell: (part: Part, cause: unknown) => void): Promise<PartHealth> {
  const askedAtMs = performance.now();
  let state: PartHealth["state"] = "up";
  let cause: unknown;
  try {
    await part.ping();
  } catch (error) {
    state = "down";
    cause = error ?? new Error("it failed");
  }
  // Why it is down is in the server's own log.
  tell(part, cause);
  return { name: part.database, state, latencyMs: performance.now() - askedAtMs };
}

function methodStats([method, count]: [name: string, MethodCount]): MethodStats {
  const { calls, errors, inFlight, latency } = count;
  const within = (part: number): number => latency.quantile(part);
  const latencyMs = calls > 0 ? { p50: within(0.5), p90: within(0.9), p99: within(0.99) } : null;
  return { method, calls, errors, inFlight, latencyMs };
}
