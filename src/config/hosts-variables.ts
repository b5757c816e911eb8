import type { Variable } from "./variable.ts";

/** Variables for tiers on several hosts. */
export const SEVERAL_HOSTS = {
  RPC_ADDRESSES: {
    default: "`RPC_HOST:RPC_PORT`",
    meaning:
      "TCP servers that the HTTP tier calls, separated by commas; beyond loopback only with " +
      "`RPC_TOKEN` and TLS; `bun run start` sets its own",
    readBy: ["http", "rpc", "sweep"],
    isNeverEmpty: true,
    kind: "list",
  },
  RPC_HOST: {
    default: "127.0.0.1",
    meaning: "address that the TCP tier listens on; beyond loopback only with `RPC_TOKEN` and TLS",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_TOKEN: {
    default: "none",
    meaning:
      "secret of 16 characters or more, which both tiers must have; never sent; `start` and " +
      "`dev` make their own",
    readBy: ["http", "tcp", "rpc", "sweep"],
    isNeverEmpty: true,
    isSecret: true,
  },
  RPC_TOKENS: {
    default: "none",
    meaning:
      "secrets of several callers of the TCP tier, as in `http:SECRET,admin:SECRET`; several of " +
      "one caller are valid at once ([more](deploy.md#a-new-token)); `RPC_TOKEN` is one of `http`",
    readBy: ["tcp", "rpc"],
    isNeverEmpty: true,
    kind: "list",
    isSecret: true,
  },
  RPC_TLS_CERT: {
    default: "none",
    meaning: "PEM file with the TCP tier's certificate; the TCP tier then accepts only TLS",
    readBy: ["tcp"],
    isNeverEmpty: true,
    isPath: true,
  },
  RPC_TLS_KEY: {
    default: "none",
    meaning: "PEM file with the certificate's key",
    readBy: ["tcp"],
    isNeverEmpty: true,
    isPath: true,
  },
  RPC_TLS_CA: {
    default: "none",
    meaning:
      "PEM file with the authority that the HTTP tier trusts; the HTTP tier then uses only " +
      "TLS",
    readBy: ["http", "rpc", "sweep"],
    isNeverEmpty: true,
    isPath: true,
  },
  RPC_PLAINTEXT: {
    default: "none",
    meaning: "`allow`: the network is trusted, so addresses beyond loopback need no TLS",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
} as const satisfies Record<string, Variable>;
