import { type HttpConfig, readHttpTier } from "./http.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { ownRpcToken } from "./rpc-token.ts";
import { readTcpTier, type TcpConfig } from "./tcp.ts";
import { MAX_PORT } from "./values.ts";
import { type Environment, environmentFor } from "./variables.ts";

/** Of both tiers, and how many processes each has. */
export interface StartConfig {
  readonly http: HttpConfig;
  readonly tcp: TcpConfig;
  readonly httpWorkers: number;
  readonly rpcWorkers: number;
}

/** Of `bun run start` and `bun run dev`, which tell at once what is wrong for either tier. */
export const START: Loader<StartConfig> = { program: "start", read: readStart };

/** What each tier's processes get of the environment. */
export interface TierEnvironments {
  readonly http: Environment;
  readonly tcp: Environment;
  /** What the operator must know of the token, if anything. */
  readonly warning: string | undefined;
}

/**
 * Each tier gets the variables that it reads; where RPC_TOKEN is not set, a token that they share.
 * An HTTP tier that calls other servers than those of this start has no use for it.
 * @throws {ConfigError} the token that is in DATA_DIR cannot be used
 */
export function tierEnvironments({ tcp }: StartConfig, environment: Environment): TierEnvironments {
  const own = tcp.rpcToken === undefined ? ownRpcToken(tcp.dataDir) : undefined;
  const token = own ? { RPC_TOKEN: own.token } : {};
  const warning =
    own?.whyUnsaved &&
    `\`bun run rpc\` cannot call these servers unless RPC_TOKEN is set for both: ${own.whyUnsaved}`;
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
      `RPC_WORKERS is "${rpcWorkers}", and each has a port of its own, from RPC_PORT ` +
        `(${tcp.rpc.port}) on: there are not so many`,
    );
  }
  // Writers of one file wait by turns, and a process does nothing else while it does: under load
  // one of two was seen to get none for seconds.
  if (rpcWorkers > 1 && !(reader.given("DATABASE_URL") && reader.given("REDIS_URL"))) {
    reader.report(
      `RPC_WORKERS is "${rpcWorkers}": must be 1 unless DATABASE_URL and REDIS_URL are set, ` +
        "as SQLite is for one process",
    );
  }
  return { http, tcp, httpWorkers: reader.whole("HTTP_WORKERS", 1, MAX_WORKERS), rpcWorkers };
}
