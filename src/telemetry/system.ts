import type { MethodStats, PartHealth, ServiceDescription, SystemService } from "../gen/system.ts";
import type { Log } from "../rpc/log.ts";
import type { DispatchTable } from "../rpc/method.ts";
import type { CallRecords } from "./call-records.ts";
import type { CallStats, MethodCount } from "./call-stats.ts";

/** A part of the server whose health is reported. */
export interface Part {
  /** Such as "MySQL". */
  readonly database: string;
  /** Rejects, within a limit, if the database does not answer or takes no writes. */
  ping(): Promise<void>;
}

export interface SystemParts {
  readonly users: Part;
  readonly sessions: Part;
  readonly stats: CallStats;
  readonly records: CallRecords;
  readonly log: Log;
  /** The tables of all services, including this one. Called after the start. */
  tables(): readonly DispatchTable[];
  openConnections(): number;
  /** Whether the server is about to end, although it still works. */
  isDraining(): boolean;
}

/** The System service: health, description and statistics of a server. Its uptime begins here. */
export function createSystemService(parts: SystemParts): SystemService {
  const startedAtMs = performance.now();
  /** The parts that were down at the last check. Each change is logged once. */
  const down = new Set<Part>();
  const report: Report = (part, cause) => {
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
        check(EVENT_LOOP, report),
        check(parts.users, report),
        check(parts.sessions, report),
      ]);
      if (!parts.isDraining()) return { server, users, sessions };
      return { server: { ...server, state: "down" }, users, sessions };
    },

    async describe() {
      return { services: parts.tables().map(describeService) };
    },

    explain: async ({ requestId }) => parts.records.explain(requestId),

    async report({ records }) {
      parts.records.report(records);
      return {};
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
    ...(method.callers && { callers: method.callers }),
    request: method.request.Schema(),
    reply: method.reply.Schema(),
  }));
  return { service, methods };
}

/**
 * A server that answers is up. The time of one turn of the event loop shows how busy the server is.
 */
const EVENT_LOOP: Part = {
  database: "Portico",
  ping: () => new Promise((resolve) => setImmediate(resolve)),
};

/** @param cause why the part is down; undefined if it is up */
type Report = (part: Part, cause: unknown) => void;

async function check(part: Part, report: Report): Promise<PartHealth> {
  const askedAtMs = performance.now();
  let state: PartHealth["state"] = "up";
  let cause: unknown;
  try {
    await part.ping();
  } catch (error) {
    state = "down";
    cause = error ?? new Error("no reason");
  }
  // The log has the reason; the reply does not.
  report(part, cause);
  return { name: part.database, state, latencyMs: performance.now() - askedAtMs };
}

function methodStats([method, count]: [name: string, MethodCount]): MethodStats {
  const { calls, errors, inFlight, latency } = count;
  const within = (part: number): number => latency.quantile(part);
  const latencyMs = calls > 0 ? { p50: within(0.5), p90: within(0.9), p99: within(0.99) } : null;
  return { method, calls, errors, inFlight, latencyMs };
}
