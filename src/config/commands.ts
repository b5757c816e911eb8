import type { BucketAccess } from "../http/avatar/bucket.ts";
import { readAvatarBucket } from "./bucket.ts";
import { isLoopback } from "./hosts.ts";
import { type EnvironmentReader, type Loader, loadOrExit } from "./load.ts";
import { printLookalikes } from "./lookalikes.ts";
import { type HashConfig, readHash } from "./passwords.ts";
import { type RpcClientConfig, readRpcClient } from "./rpc-client.ts";
import { readRpcToken } from "./rpc-token.ts";
import { parseRedisUrl } from "./store-urls.ts";
import { readUsers, refuseUnmeantSqlite, type UsersConfig } from "./tcp.ts";
import type { Environment } from "./variables.ts";

// The commands other than the tiers. Each has its own loader and reads only its own variables.

/** The exit code of wrong usage, as in a shell. */
const MISUNDERSTOOD = 2;

/** The config of a command; warnings and problems go to stderr. */
export function loadForCommand<T extends object>(
  loader: Loader<T>,
  environment: Environment,
): Readonly<T> {
  printLookalikes(environment);
  return loadOrExit(loader, environment, MISUNDERSTOOD);
}

export interface RpcCommandConfig extends RpcClientConfig {
  /**
   * True if RPC_TOKEN is not set. The token then comes from DATA_DIR, and a server of this machine
   * may have no token at all.
   */
  readonly isTokenOptional: boolean;
}

/** `bun run rpc`. */
export const RPC_COMMAND: Loader<RpcCommandConfig> = {
  program: "rpc",
  read: (reader) => {
    const client = readRpcClient(reader);
    const isTokenOptional = !reader.has("RPC_TOKEN");
    const rpcToken = isTokenOptional ? readSavedToken(reader, client) : client.rpcToken;
    return { ...client, rpcToken, isTokenOptional };
  },
};

/** The token that `start` or `dev` saved for the servers of this machine. */
function readSavedToken(
  reader: EnvironmentReader,
  { rpcAddresses }: RpcClientConfig,
): string | undefined {
  const dataDir = reader.text("DATA_DIR");
  if (!rpcAddresses.every(({ host }) => isLoopback(host))) return undefined;
  return reader.attempt(() => readRpcToken(dataDir));
}

export interface SweepConfig extends RpcCommandConfig {
  readonly dataDir: string;
  /** If undefined, the pictures are in a folder in `dataDir`. */
  readonly avatarBucket: BucketAccess | undefined;
}

/** `bun run sweep`. */
export const SWEEP: Loader<SweepConfig> = {
  program: "sweep",
  read: (reader) => ({
    ...RPC_COMMAND.read(reader),
    dataDir: reader.text("DATA_DIR"),
    avatarBucket: readAvatarBucket(reader),
  }),
};

/** `bun run migrate`. */
export const MIGRATE: Loader<UsersConfig> = { program: "migrate", read: readMigrate };

function readMigrate(reader: EnvironmentReader): UsersConfig {
  refuseUnmeantSqlite(reader, ["DATABASE_URL"]);
  return readUsers(reader);
}

export interface SeedConfig extends UsersConfig, HashConfig {}

/** `bun run seed`. */
export const SEED: Loader<SeedConfig> = {
  program: "seed",
  read: (reader) => ({ ...readMigrate(reader), ...readHash(reader) }),
};

export interface BackupConfig extends UsersConfig {
  readonly redisUrl: string | undefined;
  /** Not parsed: the command does not connect to the bucket. */
  readonly avatarUrl: string | undefined;
}

/** `bun run backup`. */
export const BACKUP: Loader<BackupConfig> = {
  program: "backup",
  read: (reader) => ({
    ...readUsers(reader),
    redisUrl: reader.readGiven("REDIS_URL", parseRedisUrl),
    avatarUrl: reader.given("AVATAR_URL"),
  }),
};
