// The TCP tier: users and sessions behind the RPC. `bun run start:tcp`

import { version } from "../package.json" with { type: "json" };
import { DEFAULT_PROFILE_PATH } from "../schema/user.ts";
import { CallStats } from "./call-stats.ts";
import { type Config, configOrExit } from "./config.ts";
import { SYSTEM_DESCRIPTION } from "./gen/system-description.ts";
import { systemDispatch } from "./gen/system-service.ts";
import { USER_DESCRIPTION } from "./gen/user-description.ts";
import { userDispatch } from "./gen/user-service.ts";
import { listenOn, type RunningTier, runTier } from "./lifecycle.ts";
import { createLog, type Log } from "./log.ts";
import { callLog } from "./rpc/call-log.ts";
import { traceIncoming } from "./rpc/call-trace.ts";
import { DEFAULT_LIMITS } from "./rpc/limits.ts";
import { Listener } from "./rpc/listener.ts";
import { openStorage } from "./storage/open.ts";
import { createSystemService } from "./system.ts";
import { Passwords } from "./user/password.ts";
import { createUserService } from "./user/service.ts";

const BUILD = `portico/${version}`;

export interface TcpTier extends RunningTier {
  readonly port: number;
}

export async function startTcp(config: Config, log: Log): Promise<TcpTier> {
  const { databaseUrl, redisUrl, dataDir, sessionTtlSeconds, passwordHash, rpc } = config;
  const { rpcToken: token, rpcTls: tls } = config;
  const storage = await openStorage({ databaseUrl, redisUrl, dataDir, sessionTtlSeconds, log });
  const service = createUserService({
    users: storage.users,
    sessions: storage.sessions,
    passwords: new Passwords(passwordHash),
    defaultProfilePath: DEFAULT_PROFILE_PATH,
    log,
  });
  const stats = new CallStats();
  const system = createSystemService({
    users: storage.users,
    sessions: storage.sessions,
    services: [USER_DESCRIPTION, SYSTEM_DESCRIPTION],
    stats,
    openConnections: () => listener.connections,
  });
  const tables = [userDispatch(service), systemDispatch(system)];
  const limits = { ...DEFAULT_LIMITS, ...config.rpcLimits };
  const interceptors = [callLog(log), stats.interceptor, traceIncoming()];
  const listener: Listener = listenOn(
    "RPC",
    rpc,
    () => new Listener({ ...rpc, tables, interceptors, limits, log, token, tls, build: BUILD }),
  );
  return {
    port: listener.port,
    address: `${rpc.host.includes(":") ? `[${rpc.host}]` : rpc.host}:${listener.port}`,
    async close(graceMs) {
      await listener.close(graceMs);
      await storage.close();
    },
  };
}

if (import.meta.main) {
  const config = configOrExit(process.env);
  const log = createLog("tcp", config.logLevel, process.stdout.isTTY);
  await runTier(log, () => startTcp(config, log));
}
