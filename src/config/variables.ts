// Every environment variable, its default and meaning, and the programs that read it. `bun run
// format` writes the tables of docs/configuration.md from these.

import { ACCOUNTS } from "./account-variables.ts";
import { BROWSERS } from "./browser-variables.ts";
import { DATABASES } from "./database-variables.ts";
import { SEVERAL_HOSTS } from "./hosts-variables.ts";
import { OPERATION } from "./operation-variables.ts";
import { TRACES } from "./trace-variables.ts";
import type { Program, Variable } from "./variable.ts";

const EVERYWHERE = {
  HTTP_PORT: {
    default: "9090",
    meaning: "port of the HTTP tier; 0 takes a free one",
    readBy: ["http"],
  },
  RPC_PORT: {
    default: "9091",
    meaning: "port of the TCP tier; 0 takes a free one",
    readBy: ["http", "tcp", "rpc", "sweep"],
  },
  DATA_DIR: {
    default: ".data",
    meaning: "folder of the SQLite file, the pictures and the tokens of `start` and `dev`",
    readBy: ["http", "tcp", "rpc", "migrate", "seed", "backup", "restore", "graduate", "sweep"],
    isNeverEmpty: true,
    isPath: true,
  },
  LOG_LEVEL: {
    default: "info",
    meaning: "`debug` (every request), `info`, `warn`, `error`, `silent`",
    readBy: ["http", "tcp"],
  },
} as const satisfies Record<string, Variable>;

const PRODUCTION = {
  DATABASE_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning:
      "`mysql://user:password@host:port/database`; several hosts by commas for a failover; " +
      "for TLS, MySQL's own `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key` after a `?` " +
      "([more](storage.md))",
    readBy: ["tcp", "migrate", "seed", "backup", "graduate"],
    isNeverEmpty: true,
    isSecret: true,
  },
  REDIS_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning:
      "`redis://user:password@host:port/number`; `rediss://` for TLS; " +
      "`redis://user:password@host:port,host:port,…` or one address for a Redis Cluster; " +
      "`redis-sentinel://user:password@host:port,host:port,…/number?sentinelMasterId=name` for " +
      "Sentinels ([more](storage.md#redis-and-valkey))",
    readBy: ["tcp", "backup", "graduate"],
    isNeverEmpty: true,
    kind: "list",
    isSecret: true,
  },
  HTTP_WORKERS: {
    default: "1",
    meaning: "processes of the HTTP tier in `bun run start`, from 1 to 64, on one port",
    readBy: [],
  },
  RPC_WORKERS: {
    default: "1",
    meaning:
      "processes of the TCP tier in `bun run start`, from 1 to 64, on `RPC_PORT` and the " +
      "ports after it; more than 1 needs `DATABASE_URL` and `REDIS_URL`",
    readBy: [],
  },
  HTTP_HOST: {
    default: "127.0.0.1",
    meaning: "address that the HTTP tier listens on",
    readBy: ["http"],
  },
  STORAGE: {
    default: "none",
    meaning: "`embedded` allows SQLite in production, if `DATABASE_URL` or `REDIS_URL` is not set",
    readBy: ["tcp", "migrate", "seed"],
  },
} as const satisfies Record<string, Variable>;

const S3 = {
  AVATAR_URL: {
    default: "a folder in `DATA_DIR`",
    meaning: "place of the pictures: `s3://bucket/prefix` in S3 or an S3-compatible store",
    readBy: ["http", "backup", "graduate", "sweep"],
    isNeverEmpty: true,
  },
  S3_ENDPOINT: {
    default: "`https://s3.S3_REGION.amazonaws.com`",
    meaning: "endpoint of an S3-compatible store",
    readBy: ["http", "graduate", "sweep"],
    isNeverEmpty: true,
  },
  S3_REGION: {
    default: "us-east-1",
    meaning: "region of the bucket",
    readBy: ["http", "graduate", "sweep"],
  },
  S3_ACCESS_KEY_ID: {
    default: "none",
    meaning: "access key; required with `AVATAR_URL`",
    readBy: ["http", "graduate", "sweep"],
    isNeverEmpty: true,
  },
  S3_SECRET_ACCESS_KEY: {
    default: "none",
    meaning: "secret of the access key; signs requests, never sent; required with `AVATAR_URL`",
    readBy: ["http", "graduate", "sweep"],
    isNeverEmpty: true,
    isSecret: true,
  },
} as const satisfies Record<string, Variable>;

const CAPACITY = {
  RPC_MAX_CONNECTIONS: {
    default: "16",
    meaning:
      "connections of one HTTP process to one TCP server, each for 256 calls at once; lower " +
      "it if many HTTP processes share a TCP server",
    readBy: ["http"],
  },
  RPC_MAX_SERVER_CONNECTIONS: {
    default: "1024",
    meaning:
      "connections of all clients to one TCP server, more are closed at once; raise it if " +
      "more than 64 HTTP processes call the server",
    readBy: ["tcp"],
  },
  RPC_MAX_SERVER_IN_FLIGHT: {
    default: "4096",
    meaning:
      "calls that one TCP server runs at once, more are refused and may be retried on " +
      "another server; lower it if a burst overloads the databases",
    readBy: ["tcp"],
  },
} as const satisfies Record<string, Variable>;

/** Every variable that Portico reads. */
export const VARIABLES = {
  ...EVERYWHERE,
  ...PRODUCTION,
  ...BROWSERS,
  ...ACCOUNTS,
  ...SEVERAL_HOSTS,
  ...S3,
  ...OPERATION,
  ...DATABASES,
  ...CAPACITY,
  ...TRACES,
} as const;

/** The same variables in groups, most used first, as docs/configuration.md lists them. */
export const VARIABLE_GROUPS: Readonly<Record<string, Readonly<Record<string, Variable>>>> = {
  "Everywhere, in development too": EVERYWHERE,
  "Production: `bun run start`, and the commands for its database": PRODUCTION,
  "Browsers, and the proxy in front": BROWSERS,
  "Sessions and passwords": ACCOUNTS,
  "Tiers on several hosts": SEVERAL_HOSTS,
  "Pictures in S3": S3,
  "Metrics, probes and drains": OPERATION,
  "Connections to MySQL and Redis": DATABASES,
  "Many processes, or overload": CAPACITY,
  Traces: TRACES,
};

export type VariableName = keyof typeof VARIABLES;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a value comes from, if it is not from the variable itself. */
export interface Origin {
  /** Such as "portico.toml, line 3" or "from DATABASE_URL_FILE". */
  readonly text: string;
  /** Whether the value may be the content of a wrong file, so that no message may repeat it. */
  readonly isHidden: boolean;
}

/** By the name of the variable. */
export type Origins = ReadonlyMap<string, Origin>;

export const NAMES = Object.keys(VARIABLES).filter(isVariable);

/** The variable with the path of a file that holds the value of another variable. */
export function fileNameOf<T extends VariableName>(name: T): `${T}_FILE` {
  return `${name}_FILE`;
}

/** Bun reads these for S3, in the HTTP tier. */
const S3_SECRETS_OF_BUN = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/**
 * The environment for a process of a tier, without our variables that it does not read. The values
 * of `NAME_FILE` are in NAME already, so that the process does not get their paths.
 */
export function environmentFor(program: "http" | "tcp", environment: Environment): Environment {
  const foreign = new Set<string>(program === "http" ? [] : S3_SECRETS_OF_BUN);
  for (const name of NAMES) {
    if (!isReadBy(name, program)) foreign.add(name);
    foreign.add(fileNameOf(name));
  }
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !foreign.has(name)));
}

export function isVariable(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

export function isNeverEmpty(name: VariableName): boolean {
  const variable: Variable = VARIABLES[name];
  return variable.isNeverEmpty === true;
}

export function isReadBy(name: VariableName, program: Program): boolean {
  const { readBy }: Variable = VARIABLES[name];
  return readBy.includes(program);
}
