import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CLASSIC_GO } from "../report/results.ts";
import { run } from "../run.ts";
import type { Peer } from "./peer.ts";

const SOURCE = join(import.meta.dir, "go");
/** Git ignores this folder, and it is removed together with the packages. */
const BINARIES = join(import.meta.dir, "../../node_modules/.cache/portico-bench/go");

const HOME_OF_GO = "/usr/local/go/bin";
/** The message of Go 1.21 and later, and of earlier versions. */
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

/** @throws Error with the output of the compiler */
async function build(): Promise<string | undefined> {
  const go = Bun.which("go", { PATH: `${process.env.PATH}:${HOME_OF_GO}` });
  if (!go) return "go is not installed";
  await mkdir(BINARIES, { recursive: true });
  // -buildvcs=false: Go may not be allowed to read the repository.
  const command = [go, "build", "-buildvcs=false", "-o", `${BINARIES}/`, "./cmd/..."];
  try {
    // GOTOOLCHAIN=local: Go must not download another version of itself.
    await run(command, { folder: SOURCE, environment: { GOTOOLCHAIN: "local" } });
    return undefined;
  } catch (error) {
    if (TOO_OLD.test(String(error))) return "go is older than bench/peers/go/go.mod requires";
    throw error;
  }
}
