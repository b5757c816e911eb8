import { ADMIN, DEFAULT_CALLER } from "../../schema/callers.ts";
import { type HttpConfig, readHttpTier } from "./http.ts";
import type { EnvironmentReader, Loader } from "./load.ts";
import { ownToken } from "./saved-token.ts";
import { readTcpTier, type TcpConfig } from "./tcp.ts";
import { MAX_PORT } from "./values.ts";
import { type Environment, environmentFor } from "./variables.ts";

/**
 * Bun reads this when a production process of a tier starts: freed memory stays with the process
 * for this many ms. Under load, the process needs the memory again sooner. Returning it would cost
 * CPU time, because the kernel must clear other pages. The scripts `start:tcp` and `start:http` set
 * the same.
 */
export const MEMORY_ENVIRONMENT = { MIMALLOC_PURGE_DELAY: "20000" } as const;

/** The parent serves the metrics and the probes of all its processes. */
const SERVED_BY_PARENT: Environment = { METRICS_HOST: undefined, METRICS_PORT: undefined };

/** Both tiers, and the number of processes of each. */
export interface StartConfig {
  readonly http: HttpConfig;
  readonly tcp: TcpConfig;
  readonly httpWorkers: number;
  readonly rpcWorkers: number;
}

/**
 * Loads the config of `bun run start` and `bun run dev`. Problems of both tiers are reported at
 * once.
 */
export const START: Loader<StartConfig> = { program: "start", read: readStart };

/** The environment of the processes of each tier. */
export interface TierEnvironments {
  readonly http: Environment;
  readonly tcp: Environment;
  /** Problems with the tokens, for the operator. */
  readonly warnings: readonly string[];
}

/**
 * Each tier gets only the variables that it reads. The HTTP tier gets its own token and no other.
 * If the environment has no token of "http" or "admin", that of `ownToken()` is used. If
 * RPC_ADDRESSES is set, the HTTP tier calls other servers and does not get a token of ours.
 * @throws {ConfigError} a token in DATA_DIR cannot be used
 */
export function tierEnvironments({ tcp }: StartConfig, environment: Environment): TierEnvironments {
  const { rpcTokens, dataDir } = tcp;
  const [given] = rpcTokens.get(DEFAULT_CALLER) ?? [];
  const own = given === undefined ? ownToken(dataDir, DEFAULT_CALLER) : undefined;
  const admin = rpcTokens.has(ADMIN) ? undefined : ownToken(dataDir, ADMIN);
  const tokens = [...(admin ? [`${ADMIN}:${admin.token}`] : []), environment.RPC_TOKENS?.trim()];
  return {
    http: {
      ...environmentFor("http", environment),
      ...SERVED_BY_PARENT,
      ...tokenVariable(given ?? (environment.RPC_ADDRESSES ? undefined : own?.token)),
    },
    tcp: {
      ...environmentFor("tcp", environment),
      ...SERVED_BY_PARENT,
      ...tokenVariable(own?.token),
      RPC_TOKENS: tokens.filter(Boolean).join(),
    },
    warnings: [
      ...(own?.whyUnsaved ? [unsaved("The RPC token", own.whyUnsaved, "RPC_TOKEN")] : []),
      ...(admin?.whyUnsaved ? [unsaved("The admin token", admin.whyUnsaved, "RPC_TOKENS")] : []),
    ],
  };
}

/**
 * The environment `next` of a TCP tier in which the tokens of `before` are valid, too: those of the
 * HTTP tier may change in the meantime.
 */
export function withOlderTokens(next: Environment, before: Environment): Environment {
  const older = before.RPC_TOKEN ? `${DEFAULT_CALLER}:${before.RPC_TOKEN}` : "";
  const tokens = [next.RPC_TOKENS, before.RPC_TOKENS, older].join().split(",");
  const distinct = new Set(tokens.map((each) => each.trim()).filter(Boolean));
  return { ...next, RPC_TOKENS: [...distinct].join() };
}

function tokenVariable(token: string | undefined): Environment {
  return token === undefined ? {} : { RPC_TOKEN: token };
}

function unsaved(what: string, why: string, variable: string): string {
  const remedy = `\`bun run rpc\` can use it only if you set ${variable} for both`;
  return `${what} cannot be saved: ${why}. ${remedy}`;
}

const MAX_WORKERS = 64;

function readStart(reader: EnvironmentReader): StartConfig {
  const tcp = readTcpTier(reader);
  const http = readHttpTier(reader, tcp.rpcTokens.has(DEFAULT_CALLER));
  const rpcWorkers = reader.whole("RPC_WORKERS", 1, MAX_WORKERS);
  if (tcp.rpc.port + rpcWorkers - 1 > MAX_PORT) {
    reader.report(
      `RPC_WORKERS is "${rpcWorkers}": each worker takes the next port from RPC_PORT ` +
        `(${tcp.rpc.port}), and ${MAX_PORT} is the last`,
    );
  }
  // Writers of one SQLite file take turns, and a process that waits for its turn does nothing else.
  // Under load, one of two processes got no turn for seconds.
  if (rpcWorkers > 1 && !(reader.given("DATABASE_URL") && reader.given("REDIS_URL"))) {
    reader.report(
      `RPC_WORKERS is "${rpcWorkers}": must be 1 unless DATABASE_URL and REDIS_URL are set, ` +
        "because SQLite is for one process",
    );
  }
  return { http, tcp, httpWorkers: reader.whole("HTTP_WORKERS", 1, MAX_WORKERS), rpcWorkers };
}
