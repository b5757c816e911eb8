import { ADMIN, DEFAULT_CALLER } from "../../schema/callers.ts";
import type { BucketAccess } from "../http/avatar/bucket.ts";
import { readAvatarBucket } from "./bucket.ts";
import { isLoopback } from "./hosts.ts";
import { type EnvironmentReader, type Loader, loadOrExit } from "./load.ts";
import { printLookalikes } from "./lookalikes.ts";
import { type HashConfig, readHash } from "./passwords.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { type RpcClientConfig, readRpcClient } from "./rpc-client.ts";
import { readRpcTokens } from "./rpc-tokens.ts";
import { isSavedCaller, readSavedToken } from "./saved-token.ts";
import { settingsOrExit } from "./settings.ts";
import { readUsers, refuseUnmeantSqlite, type UsersConfig } from "./tcp.ts";
import type { Environment } from "./variables.ts";

// The commands other than the tiers. Each has its own loader and reads only its own variables.

/** The exit code of wrong usage, as in a shell. */
const MISUNDERSTOOD = 2;

/**
 * The config of a command; warnings and problems go to stderr.
 * @param configPath the file of `--config`
 */
export function loadForCommand<T extends object>(
  loader: Loader<T>,
  environment: Environment,
  configPath: string | undefined,
): Readonly<T> {
  printLookalikes(environment);
  const settings = settingsOrExit(loader.program, environment, configPath, MISUNDERSTOOD);
  for (const warning of settings.warnings) console.error(warning);
  return loadOrExit(loader, settings, MISUNDERSTOOD);
}

/** How a command calls the servers. */
interface Identity {
  readonly caller: string;
  readonly rpcToken: string | undefined;
  /**
   * True if the token comes from DATA_DIR, or if there is none. A server of this machine may then
   * have no token at all.
   */
  readonly isTokenOptional: boolean;
}

export interface RpcCommandConfig extends RpcClientConfig, Identity {}

/** What the arguments of a command say. */
export interface StatedIdentity {
  readonly caller?: string | undefined;
  readonly token?: string | undefined;
}

/** `bun run rpc`. */
export function rpcCommand({ caller, token }: StatedIdentity = {}): Loader<RpcCommandConfig> {
  return {
    program: "rpc",
    read(reader) {
      const client = readRpcClient(reader, token !== undefined || reader.has("RPC_TOKENS"));
      const tokens = readRpcTokens(reader);
      const isTokenOptional = false;
      if (token !== undefined) {
        return { ...client, caller: caller ?? DEFAULT_CALLER, rpcToken: token, isTokenOptional };
      }
      // RPC_TOKEN is a token of "http", so that it says who calls.
      const isHttp = caller === undefined && reader.has("RPC_TOKEN");
      const callers = caller === undefined ? [ADMIN, DEFAULT_CALLER] : [caller];
      for (const each of isHttp ? [DEFAULT_CALLER] : callers) {
        const [rpcToken] = tokens.get(each) ?? [];
        if (rpcToken) return { ...client, caller: each, rpcToken, isTokenOptional };
      }
      const saved = readSaved(reader, client, callers);
      return { ...client, ...saved, isTokenOptional: caller === undefined };
    },
  };
}

/** The first of these callers with a token that `start` or `dev` saved on this machine. */
function readSaved(
  reader: EnvironmentReader,
  { rpcAddresses }: RpcClientConfig,
  callers: readonly string[],
): Omit<Identity, "isTokenOptional"> {
  const dataDir = reader.text("DATA_DIR");
  const isHere = rpcAddresses.every(({ host }) => isLoopback(host));
  for (const caller of isHere ? callers.filter(isSavedCaller) : []) {
    const rpcToken = reader.attempt(() => readSavedToken(dataDir, caller));
    if (rpcToken !== undefined) return { caller, rpcToken };
  }
  return { caller: callers.at(-1) ?? DEFAULT_CALLER, rpcToken: undefined };
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
    ...readAsHttp(reader),
    dataDir: reader.text("DATA_DIR"),
    avatarBucket: readAvatarBucket(reader),
  }),
};

/** The HTTP tier's identity: a command has no other business with the TCP tier. */
function readAsHttp(reader: EnvironmentReader): RpcCommandConfig {
  const client = readRpcClient(reader);
  if (reader.has("RPC_TOKEN")) return { ...client, caller: DEFAULT_CALLER, isTokenOptional: false };
  return { ...client, ...readSaved(reader, client, [DEFAULT_CALLER]), isTokenOptional: true };
}

/** `bun run migrate`. */
export const MIGRATE: Loader<RowsConfig> = { program: "migrate", read: readRows };

/** `bun run seed`. */
export const SEED: Loader<RowsConfig> = { program: "seed", read: readRows };

/** Where the users are, and how their passwords are hashed. */
export interface RowsConfig extends UsersConfig, HashConfig {}

function readRows(reader: EnvironmentReader): RowsConfig {
  refuseUnmeantSqlite(reader, ["DATABASE_URL"]);
  return { ...readUsers(reader), ...readHash(reader) };
}

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
