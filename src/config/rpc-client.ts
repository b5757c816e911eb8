import { readAuthority } from "./certificates.ts";
import {
  bracketed,
  calledHost,
  type Endpoint,
  isLoopback,
  parseEndpoint,
  parseHost,
} from "./hosts.ts";
import type { EnvironmentReader } from "./load.ts";
import { list, parsePort, parseToken } from "./values.ts";

/** The addresses of the TCP servers, and the secrets to call them. */
export interface RpcClientConfig {
  readonly rpcAddresses: readonly Endpoint[];
  readonly rpcToken: string | undefined;
  /** PEM text. */
  readonly rpcTlsCa: string | undefined;
}

/** @param hasToken if false, RPC_TOKEN must be set for servers of other machines */
export function readRpcClient(reader: EnvironmentReader, hasToken = false): RpcClientConfig {
  const config = {
    rpcAddresses: readAddresses(reader),
    rpcToken: reader.readGiven("RPC_TOKEN", parseToken),
    rpcTlsCa: reader.readGiven("RPC_TLS_CA", (path) => readAuthority(path)),
  };
  const isPlain = reader.isOn("RPC_PLAINTEXT", "allow");
  const far = config.rpcAddresses.find(({ host }) => !isLoopback(host));
  if (far && !isPlain) {
    const token = hasToken ? [] : (["RPC_TOKEN"] as const);
    const missing = [...token, "RPC_TLS_CA" as const].filter((name) => !reader.has(name));
    if (missing.length > 0) {
      const name = reader.given("RPC_ADDRESSES") ? "RPC_ADDRESSES" : "RPC_HOST";
      reader.report(
        `${name} has "${bracketed(far.host)}", which is not this machine: ` +
          `set ${list(missing)}, or RPC_PLAINTEXT=allow on a trusted network`,
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

/** Replaces an invalid host, which has already been reported. */
const LOOPBACK = "127.0.0.1";
