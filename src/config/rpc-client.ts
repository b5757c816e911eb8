import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { type CallerLimitsConfig, readCallerLimits } from "./rpc-limits.ts";
import { type Endpoint, parseEndpoint, parsePort, parseToken, readPem } from "./values.ts";

/** What it takes to call TCP servers. */
export interface RpcClientConfig {
  readonly rpcAddresses: readonly Endpoint[];
  readonly rpcToken: string | undefined;
  /** PEM text. */
  readonly rpcTlsCa: string | undefined;
}

export interface RpcCommandConfig extends RpcClientConfig {
  readonly rpcLimits: CallerLimitsConfig;
}

/** Of `bun run rpc`. */
export const RPC_COMMAND: Loader<RpcCommandConfig> = {
  program: "rpc",
  read: (reader) => ({ ...readRpcClient(reader), rpcLimits: readCallerLimits(reader) }),
};

export function readRpcClient(reader: EnvironmentReader): RpcClientConfig {
  return {
    rpcAddresses: reader.given("RPC_ADDRESSES")
      ? reader.read("RPC_ADDRESSES", [], (value) => value.split(",").map(parseEndpoint))
      : [{ host: reader.text("RPC_HOST"), port: reader.read("RPC_PORT", 0, parsePort) }],
    rpcToken: reader.read("RPC_TOKEN", undefined, () => parseToken(reader.given("RPC_TOKEN"))),
    rpcTlsCa: reader.read("RPC_TLS_CA", undefined, () => readPem(reader.given("RPC_TLS_CA"))),
  };
}
