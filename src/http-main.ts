// The HTTP tier: pages, cookies and pictures in front of the RPC. `bun run start:http`

import { join } from "node:path";
import { version } from "../package.json" with { type: "json" };
import { type Config, configOrExit } from "./config.ts";
import { UserClient } from "./gen/user-client.ts";
import { AvatarFiles } from "./http/avatar-files.ts";
import type { HttpParts } from "./http/exchange.ts";
import { HttpServer } from "./http/server.ts";
import { SessionCookie } from "./http/session-cookie.ts";
import { listenOn, type RunningTier, runTier } from "./lifecycle.ts";
import { createLog, type Log } from "./log.ts";
import { Balancer } from "./rpc/balancer.ts";
import { callLog } from "./rpc/call-log.ts";
import { traceOutgoing } from "./rpc/call-trace.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";

const BUILD = `portico/${version}`;

const PUBLIC_FOLDER = join(import.meta.dir, "../public");

export async function startHttp(config: Config, log: Log): Promise<RunningTier> {
  const { http, publicUrl, rpcAddresses, dataDir, sessionTtlSeconds } = config;
  const identity = { build: BUILD, token: config.rpcToken, tlsCa: config.rpcTlsCa };
  const interceptors = [callLog(log), traceOutgoing()];
  // Its process is busy with browsers all the time: what counts here is CPU time.
  const packedInFlight = config.rpcLimits.maxInFlight;
  const limits = { ...DEFAULT_POOL_LIMITS, ...config.rpcLimits, packedInFlight };
  const balancer = new Balancer(rpcAddresses, limits, identity, interceptors);
  const parts: HttpParts = {
    caller: balancer,
    user: new UserClient(balancer),
    cookie: new SessionCookie(publicUrl, sessionTtlSeconds),
    avatars: new AvatarFiles(join(dataDir, "avatars"), join(PUBLIC_FOLDER, "avatars")),
    publicUrl,
    publicFolder: PUBLIC_FOLDER,
    log,
  };
  const server = listenOn("HTTP", http, () => new HttpServer({ ...http, ...parts }));
  return {
    address: server.url,
    async close(graceMs) {
      await server.close(graceMs);
      balancer.close();
    },
  };
}

if (import.meta.main) {
  const config = configOrExit(process.env);
  const log = createLog("http", config.logLevel, process.stdout.isTTY);
  await runTier(log, () => startHttp(config, log));
}
