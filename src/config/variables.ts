// Which variables there are, what each means, and which programs read it.

/** The processes and commands that read variables. `start` and `dev` read those of both tiers. */
export type Program = "http" | "tcp" | "rpc" | "migrate" | "seed" | "backup" | "sweep";

interface Variable {
  readonly default: string;
  readonly meaning: string;
  /** None but `start` and `dev` where it is empty. */
  readonly readBy: readonly Program[];
  /** To lose it without a word would change where data are or who is let in. */
  readonly isNeverEmpty?: true;
}

/** Every variable that Portico reads. A test holds the table in docs/configuration.md to it. */
export const VARIABLES = {
  HTTP_HOST: { default: "127.0.0.1", meaning: "where the HTTP tier listens", readBy: ["http"] },
  HTTP_PORT: { default: "9090", meaning: "its port; 0 takes a free one", readBy: ["http"] },
  HTTP_WORKERS: {
    default: "1",
    meaning: "processes of the HTTP tier in `bun run start`, from 1 to 64, on one port",
    readBy: [],
  },
  PUBLIC_URL: {
    default: "`http://HTTP_HOST:HTTP_PORT`",
    meaning:
      "where browsers reach it: if set, only its origin may change anything; " +
      "https makes the cookie `Secure`",
    readBy: ["http"],
    isNeverEmpty: true,
  },
  RPC_HOST: {
    default: "127.0.0.1",
    meaning: "where the TCP tier listens; beyond loopback only with `RPC_TOKEN` and TLS",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_PORT: {
    default: "9091",
    meaning: "its port; 0 takes a free one",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_WORKERS: {
    default: "1",
    meaning:
      "processes of the TCP tier in `bun run start`, from 1 to 64, on `RPC_PORT` and those after",
    readBy: [],
  },
  RPC_ADDRESSES: {
    default: "`RPC_HOST:RPC_PORT`",
    meaning:
      "the TCP servers that the HTTP tier calls, by commas; beyond loopback only with " +
      "`RPC_TOKEN` and TLS; in `bun run start`, its own",
    readBy: ["http", "rpc", "sweep"],
    isNeverEmpty: true,
  },
  RPC_TOKEN: {
    default: "none",
    meaning:
      "secret of 16 characters or more that both tiers prove to know; never sent; " +
      "`start` and `dev` make one of their own",
    readBy: ["http", "tcp", "rpc", "sweep"],
    isNeverEmpty: true,
  },
  RPC_TLS_CERT: {
    default: "none",
    meaning: "PEM file with the TCP tier's certificate: it then speaks TLS only",
    readBy: ["tcp"],
    isNeverEmpty: true,
  },
  RPC_TLS_KEY: {
    default: "none",
    meaning: "PEM file with the certificate's key",
    readBy: ["tcp"],
    isNeverEmpty: true,
  },
  RPC_TLS_CA: {
    default: "none",
    meaning: "PEM file with the authority that the HTTP tier trusts: it then speaks TLS only",
    readBy: ["http", "rpc", "sweep"],
    isNeverEmpty: true,
  },
  RPC_PLAINTEXT: {
    default: "none",
    meaning: "`allow`: the network is trusted, so addresses beyond loopback need no TLS",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_MAX_FRAME_BYTES: {
    default: "1048576",
    meaning: "longest RPC frame that a tier reads",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_MAX_IN_FLIGHT: {
    default: "256",
    meaning: "calls at once on one RPC connection",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_MAX_SERVER_IN_FLIGHT: {
    default: "4096",
    meaning: "handlers at once on the TCP tier; more calls are refused, to be tried elsewhere",
    readBy: ["tcp"],
  },
  RPC_MAX_SERVER_CONNECTIONS: {
    default: "1024",
    meaning: "connections of all clients to the TCP tier; more are closed at once",
    readBy: ["tcp"],
  },
  RPC_MAX_OUTGOING_BYTES: {
    default: "16777216",
    meaning: "bytes that may wait for an RPC peer that does not read; then it is cut off",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  RPC_MAX_CONNECTIONS: {
    default: "16",
    meaning: "connections of the HTTP tier to one TCP server",
    readBy: ["http"],
  },
  RPC_MAX_WAITERS: {
    default: "10000",
    meaning: "calls of the HTTP tier that may wait for a connection to one TCP server",
    readBy: ["http"],
  },
  RPC_HANDSHAKE_TIMEOUT_MS: {
    default: "5000",
    meaning: "how long an RPC peer may take to greet; the HTTP tier waits 2,000 ms at most",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  DATA_DIR: {
    default: ".data",
    meaning: "folder of the SQLite file and the avatars",
    readBy: ["http", "tcp", "rpc", "migrate", "seed", "backup", "sweep"],
    isNeverEmpty: true,
  },
  DATABASE_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning:
      "`mysql://user:password@host:port/database`, and MySQL's own `ssl-mode`, `ssl-ca`, " +
      "`ssl-cert` and `ssl-key` after a `?` ([more](storage.md))",
    readBy: ["tcp", "migrate", "seed", "backup"],
    isNeverEmpty: true,
  },
  REDIS_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning:
      "`redis://user:password@host:port/number`, or `rediss://` for TLS; " +
      "`redis://user:password@host:port,host:port,…` for a Redis Cluster",
    readBy: ["tcp", "backup"],
    isNeverEmpty: true,
  },
  STORAGE: {
    default: "none",
    meaning: "`embedded`: SQLite is meant; production needs it where a server is not named",
    readBy: ["tcp", "migrate", "seed"],
  },
  AVATAR_URL: {
    default: "a folder in `DATA_DIR`",
    meaning: "where the pictures are: `s3://bucket/prefix` for S3 or an S3-compatible store",
    readBy: ["http", "backup", "sweep"],
    isNeverEmpty: true,
  },
  S3_ENDPOINT: {
    default: "`https://s3.S3_REGION.amazonaws.com`",
    meaning: "endpoint of an S3-compatible store",
    readBy: ["http", "sweep"],
    isNeverEmpty: true,
  },
  S3_REGION: {
    default: "us-east-1",
    meaning: "the region of the bucket",
    readBy: ["http", "sweep"],
  },
  S3_ACCESS_KEY_ID: {
    default: "none",
    meaning: "access key; required with `AVATAR_URL`",
    readBy: ["http", "sweep"],
    isNeverEmpty: true,
  },
  S3_SECRET_ACCESS_KEY: {
    default: "none",
    meaning: "its secret; signs requests, never sent",
    readBy: ["http", "sweep"],
    isNeverEmpty: true,
  },
  SESSION_TTL_SECONDS: {
    default: "1800",
    meaning: "how long a session lasts",
    readBy: ["http", "tcp"],
  },
  PASSWORD_HASH: {
    default: "argon2id:m=19456,t=2,p=1",
    meaning: "scheme and cost (KiB, passes, lanes) of new hashes; or `salted-md5`, the classic one",
    readBy: ["tcp", "seed"],
  },
  LOG_LEVEL: {
    default: "info",
    meaning: "`debug` (every request), `info`, `warn`, `error`, `silent`",
    readBy: ["http", "tcp"],
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;
export type Environment = Readonly<Record<string, string | undefined>>;

/** What Bun reads by itself where it speaks S3, as the HTTP tier does. */
const S3_SECRETS_OF_BUN = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/** The environment for a process of a tier: nothing of ours that it does not read. */
export function environmentFor(program: "http" | "tcp", environment: Environment): Environment {
  const foreign = new Set<string>(program === "http" ? [] : S3_SECRETS_OF_BUN);
  for (const [name, variable] of Object.entries<Variable>(VARIABLES)) {
    if (!variable.readBy.includes(program)) foreign.add(name);
  }
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !foreign.has(name)));
}

export function isNeverEmpty(name: VariableName): boolean {
  const variable: Variable = VARIABLES[name];
  return variable.isNeverEmpty === true;
}

export function isReadBy(name: VariableName, program: Program): boolean {
  const { readBy }: Variable = VARIABLES[name];
  return readBy.includes(program);
}
