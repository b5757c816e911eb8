// Removes the pictures that no profile uses. `bun run sweep --help`

import { join } from "node:path";
import { version } from "../package.json" with { type: "json" };
import { HELP } from "./cli/help.ts";
import { count } from "./cli/layout.ts";
import { ExitCode, optionsOrExit } from "./cli/usage.ts";
import { loadForCommand, SWEEP, type SweepConfig } from "./config/commands.ts";
import { UserClient } from "./gen/user.ts";
import { AvatarBucket } from "./http/avatar/bucket.ts";
import { AvatarFolder } from "./http/avatar/folder.ts";
import type { AvatarStore } from "./http/avatar/store.ts";
import { type Found, findUnused, removeAll } from "./http/avatar/sweep.ts";
import { Balancer } from "./rpc/client/balancer.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";

const BUILD = `portico-sweep/${version}`;

async function sweep(config: SweepConfig, isDryRun: boolean): Promise<number> {
  const { dataDir, avatarBucket } = config;
  const avatars = avatarBucket
    ? new AvatarBucket(avatarBucket)
    : new AvatarFolder(join(dataDir, "avatars"));
  const found = await findThem(avatars, config);
  if (isDryRun) {
    for (const name of found.unused) console.log(name);
    const unused = `${count(found.unused.length)} of ${count(found.count)} pictures`;
    console.error(`Unused: ${unused} that are older than an hour`);
    return 0;
  }
  const errors = await removeAll(avatars, found.unused);
  const removed = count(found.unused.length - errors.length);
  console.log(`Removed ${removed} of ${count(found.count)} pictures that are older than an hour`);
  if (errors.length === 0) return 0;
  console.error(messageOf(errors[0]));
  return ExitCode.failed;
}

async function findThem(avatars: AvatarStore, config: SweepConfig): Promise<Found> {
  const { rpcAddresses, rpcToken: token, rpcTlsCa: tlsCa, isTokenOptional } = config;
  const limits = { ...DEFAULT_POOL_LIMITS, minIdle: 0, maxConnections: 1 };
  const balancer = new Balancer(rpcAddresses, limits, {
    build: BUILD,
    token,
    tlsCa,
    isTokenOptional,
  });
  try {
    return await findUnused({ avatars, user: new UserClient(balancer) });
  } finally {
    balancer.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}

export async function main(): Promise<void> {
  const options = await optionsOrExit("sweep", HELP.sweep, {
    config: { type: "string" },
    "dry-run": { type: "boolean" },
  });
  const config = loadForCommand(SWEEP, process.env, options.config);
  try {
    process.exitCode = await sweep(config, options["dry-run"] ?? false);
  } catch (error) {
    console.error(`Nothing is removed: ${messageOf(error)}`);
    process.exitCode = ExitCode.failed;
  }
}

if (import.meta.main) await main();
