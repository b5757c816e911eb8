// The TCP tier: users and sessions behind the RPC. `bun run start:tcp`

import { DEFAULT_PROFILE_PATH } from "../schema/user.ts";
import { type Config, configOrExit } from "./config.ts";
import { userDispatch } from "./gen/user-service.ts";
import { listenOn, type RunningTier, runTier } from "./lifecycle.ts";
import { createLog, type Log } from "./log.ts";
import { Listener } from "./rpc/listener.ts";
import { openStorage } from "./storage/open.ts";
import { Passwords } from "./user/password.ts";
import { createUserService } from "./user/service.ts";

export interface TcpTier extends RunningTier {
  readonly port: number;
}

export async function startTcp(config: Config, log: Log): Promise<TcpTier> {
  const { databaseUrl, redisUrl, dataDir, sessionTtlSeconds, passwordHash, rpc } = config;
  const storage = await openStorage({ databaseUrl, redisUrl, dataDir, sessionTtlSeconds, log });
  const service = createUserService({
    users: storage.users,
    sessions: storage.sessions,
    passwords: new Passwords(passwordHash),
    defaultProfilePath: DEFAULT_PROFILE_PATH,
    log,
  });
  const tables = [userDispatch(service)];
  const listener = listenOn("RPC", rpc, () => new Listener({ ...rpc, tables, log }));
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
