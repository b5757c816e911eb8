import { readAuthority } from "./certificates.ts";
import {
  bracketed,
  calledHost,
  type Endpoint,
  isLoopback,
  parseEndpoint,
  parseHost,
} from "./hosts.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { type CallerLimitsConfig, readCallerLimits } from "./rpc-limits.ts";
import { readRpcToken } from "./rpc-token.ts";
import { list, parsePort, parseToken } from "./values.ts";

/** What it takes to call TCP servers. */
export interface RpcClientConfig {
  readonly rpcAddresses: readonly Endpoint[];
  readonly rpcToken: string | undefined;
  /** PEM text. */
  readonly rpcTlsCa: string | undefined;
}

export interface RpcCommandConfig extends RpcClientConfig {
  /** Whether the token is the one in DATA_DIR: a server of this machine may know nothing of it. */
  readonly isTokenOptional: boolean;
  readonly rpcLimits: CallerLimitsConfig;
}

/** Of `bun run rpc`. */
export const RPC_COMMAND: Loader<RpcCommandConfig> = {
  program: "rpc",
  read: (reader) => {
    const client = readRpcClient(reader);
    const isTokenOptional = !reader.has("RPC_TOKEN");
    const rpcToken = isTokenOptional ? readSavedToken(reader, client) : client.rpcToken;
    return { ...client, rpcToken, isTokenOptional, rpcLimits: readCallerLimits(reader) };
  },
};

/** What `bun run start` and `dev` have made for the servers of this machine. */
function readSavedToken(
  reader: EnvironmentReader,
  { rpcAddresses }: RpcClientConfig,
): string | undefined {
  const dataDir = reader.text("DATA_DIR");
  if (!rpcAddresses.every(({ host }) => isLoopback(host))) return undefined;
  return reader.attempt(() => readRpcToken(dataDir));
}

export function readRpcClient(reader: EnvironmentReader): RpcClientConfig {
  const config = {
    rpcAddresses: readAddresses(reader),
    rpcToken: reader.readGiven("RPC_TOKEN", parseToken),
    rpcTlsCa: reader.readGiven("RPC_TLS_CA", (path) => readAuthority(path)),
  };
  const isPlain = reader.isOn("RPC_PLAINTEXT", "allow");
  const far = config.rpcAddresses.find(({ host }) => !isLoopback(host));
  if (far && !isPlain) {
    const missing = (["RPC_TOKEN", "RPC_TLS_CA"] as const).filter((name) => !reader.has(name));
    if (missing.length > 0) {
      const name = reader.given("RPC_ADDRESSES") ? "RPC_ADDRESSES" : "RPC_HOST";
      reader.report(
        `${name} has ${bracketed(far.host)}, which is not this machine: ` +
          `set ${list(missing)}, or RPC_PLAINTEXT=allow if the network is trusted`,
      );
    }
  }
  return config;
}

function readAddresses(reader: EnvironmentReader): readonly Endpoint[] {
  if (reader.given("RPC_ADDRESSES")) {
    return reader.read("RPC_ADDRESSES", [], (value) => value.split(",").map(parseEndpoint));
  }
  const host = reader.read("RPC_HOST", LOOPBACK, (value) => parseHost(value, "RPC_PORT"));
  return [{ host: calledHost(host), port: reader.read("RPC_PORT", 0, parsePort) }];
}

/** In place of a host that is wrong, which is a problem already. */
const LOOPBACK = "127.0.0.1";
