import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CLASSIC_GO } from "../report/results.ts";
import { run } from "../run.ts";
import type { Peer } from "./peer.ts";

const SOURCE = join(import.meta.dir, "go");
/** Ignored by git, and gone with the packages. */
const BINARIES = join(import.meta.dir, "../../node_modules/.cache/portico-bench/go");

const HOME_OF_GO = "/usr/local/go/bin";
/** What it says from 1.21 on, and what it said before. */
const TOO_OLD = /requires go >= |invalid go version/;

/**
 * The classic design as a Go engineer would write it today: net/http, gob calls over a pool of
 * connections with one call at a time on each, database/sql and go-redis.
 */
export const classicGo: Peer = {
  name: CLASSIC_GO,
  isService: true,
  prepare: build,
  tiers: ({ httpPort, rpcPort, databaseUrl, redisUrl, passwordHash }) => [
    {
      name: "TCP",
      command: [join(BINARIES, "tcp")],
      environment: {
        RPC_PORT: `${rpcPort}`,
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        PASSWORD_HASH: passwordHash,
      },
    },
    {
      name: "HTTP",
      command: [join(BINARIES, "http")],
      environment: { HTTP_PORT: `${httpPort}`, RPC_ADDRESS: `127.0.0.1:${rpcPort}` },
    },
  ],
};

/** @throws Error with what the compiler says */
async function build(): Promise<string | undefined> {
  const go = Bun.which("go", { PATH: `${process.env.PATH}:${HOME_OF_GO}` });
  if (!go) return "go is not installed";
  await mkdir(BINARIES, { recursive: true });
  // Without the state of the repository, which some set-ups do not let Go read.
  const command = [go, "build", "-buildvcs=false", "-o", `${BINARIES}/`, "./cmd/..."];
  try {
    // Another Go is not to be fetched for it.
    await run(command, { folder: SOURCE, environment: { GOTOOLCHAIN: "local" } });
    return undefined;
  } catch (error) {
    if (TOO_OLD.test(String(error))) return "go is older than bench/peers/go/go.mod wants";
    throw error;
  }
}
