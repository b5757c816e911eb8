import { type HttpConfig, readHttpTier } from "./http.ts";
import type { EnvironmentReader, Loader } from "./load.ts";
import { ownRpcToken } from "./rpc-token.ts";
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
  /** A problem with the token, for the operator. */
  readonly warning: string | undefined;
}

/**
 * Each tier gets only the variables that it reads. If RPC_TOKEN is not set, the tiers share the one
 * of `ownRpcToken()`. If RPC_ADDRESSES is set, the HTTP tier calls other servers and does not get
 * that token.
 * @throws {ConfigError} the token in DATA_DIR cannot be used
 */
export function tierEnvironments({ tcp }: StartConfig, environment: Environment): TierEnvironments {
  const own = tcp.rpcToken === undefined ? ownRpcToken(tcp.dataDir) : undefined;
  const token = own ? { RPC_TOKEN: own.token } : {};
  const warning =
    own?.whyUnsaved &&
    `The RPC token cannot be saved: ${own.whyUnsaved}. \`bun run rpc\` can call these servers ` +
      "only if you set RPC_TOKEN for both";
  return {
    http: { ...environmentFor("http", environment), ...(environment.RPC_ADDRESSES ? {} : token) },
    tcp: { ...environmentFor("tcp", environment), ...token },
    warning,
  };
}

const MAX_WORKERS = 64;

function readStart(reader: EnvironmentReader): StartConfig {
  const [http, tcp] = [readHttpTier(reader), readTcpTier(reader)];
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
