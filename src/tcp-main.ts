// The TCP tier: users and sessions behind the RPC. `bun run start:tcp`

import { version } from "../package.json" with { type: "json" };
import { HELP } from "./cli/help.ts";
import { asCalled } from "./cli/program-name.ts";
import { optionsOrExit } from "./cli/usage.ts";
import { loadOrExit, orExit } from "./config/load.ts";
import { lookalikes, lookalikeText } from "./config/lookalikes.ts";
import { RunningSettings } from "./config/reload.ts";
import { readSettings } from "./config/settings.ts";
import { storeWarnings } from "./config/store-exposure.ts";
import { TCP_TIER, type TcpConfig } from "./config/tcp.ts";
import { dispatchTables } from "./gen/services.ts";
import { listenOn, type RunningTier, runTier } from "./process/lifecycle.ts";
import { Systemd } from "./process/systemd.ts";
import { DEFAULT_LIMITS } from "./rpc/limits.ts";
import type { DispatchTable } from "./rpc/method.ts";
import { Listener } from "./rpc/server/listener.ts";
import { openStorage } from "./storage/open.ts";
import { callLog } from "./telemetry/call-log.ts";
import { CallRecords } from "./telemetry/call-records.ts";
import { CallStats } from "./telemetry/call-stats.ts";
import { CertificateExpiry } from "./telemetry/certificate-expiry.ts";
import { DatabaseOperations, observeBoth } from "./telemetry/database-operations.ts";
import { createLog, type ProcessLog } from "./telemetry/log.ts";
import { OperationDurations } from "./telemetry/metrics/operation-durations.ts";
import { tcpTierMetrics } from "./telemetry/metrics/tiers.ts";
import { operatorOfTier } from "./telemetry/operator-of-tier.ts";
import { databaseCheck, Readiness, SharedPing } from "./telemetry/readiness.ts";
import { Stalls } from "./telemetry/stalls.ts";
import { createSystemService } from "./telemetry/system.ts";
import { traceIncoming } from "./telemetry/traces/calls.ts";
import { openTraces } from "./telemetry/traces/open.ts";
import { traceOperations } from "./telemetry/traces/operations.ts";
import { createAdminService } from "./user/admin.ts";
import { hashWarnings } from "./user/hash-cost.ts";
import { Passwords } from "./user/password.ts";
import { checkPeppers } from "./user/pepper-check.ts";
import { createUserService } from "./user/service.ts";
import { openThrottle } from "./user/throttle.ts";

const BUILD = `portico/${version}`;

export interface TcpTier extends RunningTier {
  readonly port: number;
  /** Take over what can change while the tier runs. */
  renew(config: TcpConfig): void;
}

export interface TcpOptions {
  /** As in StorageOptions, for tests. */
  readonly leaseMs?: number | undefined;
  /** Count what only metrics need. Default: if this process serves them. */
  readonly hasMetrics?: boolean;
}

export async function startTcp(
  config: TcpConfig,
  log: ProcessLog,
  { leaseMs, hasMetrics = config.metrics !== undefined }: TcpOptions = {},
): Promise<TcpTier> {
  const { databaseUrl, redisUrl, dataDir, passwordHash, peppers, rpc } = config;
  const { sessionTtlSeconds, sessionsMax, rpcTokens: tokens, rpcTls: tls } = config;
  const { mysqlPool, redisTimeouts } = config;
  const stored = {
    ...{ databaseUrl, redisUrl, dataDir, sessionTtlSeconds, sessionsMax },
    ...{ mysqlPool, redisTimeouts },
  };
  const traces = await openTraces(config.traces && { ...config.traces, version }, log);
  const traced = traces && traceOperations(traces, { mysql: databaseUrl, redis: redisUrl });
  const operations = hasMetrics ? new OperationDurations() : undefined;
  const observed = new DatabaseOperations(operations);
  const stalls = new Stalls();
  const records = new CallRecords(config.slowRequestMs, observed, stalls);
  const observe = observeBoth(traced?.observe, observed.observe);
  const storage = await openStorage({ ...stored, ...traced, observe, leaseMs, log });
  await checkPeppers(peppers, storage.secret);
  const throttle = await openThrottle(storage, log);
  const stats = new CallStats();
  const passwords = new Passwords(passwordHash, { peppers, rules: config.passwordRules });
  const { users, sessions } = storage;
  const parts = { users, sessions, passwords, throttle, log };
  const databases = { users: new SharedPing(users), sessions: new SharedPing(sessions) };
  const readiness = new Readiness(Object.values(databases).map(databaseCheck), log);
  const tables: readonly DispatchTable[] = dispatchTables({
    user: createUserService(parts),
    admin: createAdminService(parts),
    system: createSystemService({
      ...databases,
      stats,
      records,
      log,
      tables: () => tables,
      openConnections: () => listener.connections,
      isDraining: () => readiness.isRetired,
    }),
  });
  const limits = { ...DEFAULT_LIMITS, ...config.rpcLimits };
  const interceptors = [
    callLog(log),
    stats.interceptor,
    records.interceptor,
    traces &&
      traceIncoming(traces, () => ({ "server.address": rpc.host, "server.port": listener.port })),
  ];
  const listener: Listener = listenOn(
    "RPC",
    rpc,
    () => new Listener({ ...rpc, tables, interceptors, limits, log, tokens, tls, build: BUILD }),
  );
  const certificate = new CertificateExpiry(tls?.cert, log);
  const counted = { calls: stats, listener, certificate, passwords, throttle, storage };
  const metrics = operations && tcpTierMetrics({ ...counted, operations, readiness, version, log });
  return {
    port: listener.port,
    address: `${rpc.host.includes(":") ? `[${rpc.host}]` : rpc.host}:${listener.port}`,
    readiness: () => readiness.reasons(),
    retire: () => readiness.retire(),
    ...(metrics && { metrics: () => readiness.refresh().then(() => metrics.snapshot()) }),
    renew({ rpcTokens, rpcTls }) {
      listener.renew({ tokens: rpcTokens, tls: rpcTls });
      certificate.renew(rpcTls?.cert);
    },
    async close(graceMs) {
      const endsAt = performance.now() + graceMs;
      certificate[Symbol.dispose]();
      stalls[Symbol.dispose]();
      await listener.close(graceMs);
      await storage.close();
      await traces?.close(endsAt - performance.now());
    },
  };
}

export async function main(): Promise<void> {
  // `metrics` is no variable, because other processes of the same environment would inherit it.
  const options = await optionsOrExit("start:tcp", HELP["start:tcp"], {
    config: { type: "string" },
    metrics: { type: "boolean" },
  });
  const read = () => readSettings("tcp", process.env, options.config);
  const settings = orExit(read);
  const config = loadOrExit(TCP_TIER, settings);
  const log = createLog("tcp", config.logLevel, process.stdout.isTTY, asCalled);
  // If `start` or `dev` is the parent, it has already logged these.
  if (!process.send) {
    for (const each of lookalikes(process.env)) log.warn(lookalikeText(each));
    const warnings = [...settings.warnings, ...hashWarnings(config), ...storeWarnings(config)];
    for (const warning of warnings) log.warn(warning);
  }
  const { metrics: address, drainDelayMs } = config;
  const hasMetrics = options.metrics === true || address !== undefined;
  const running = new RunningSettings(TCP_TIER, settings, read);
  const systemd = Systemd.of(process.env, (err) => log.warn({ err }, "cannot reach systemd"));
  await runTier(log, () => startTcp(config, log, { hasMetrics }), {
    drainDelayMs,
    systemd,
    reload: (tier, given) =>
      running.renew(given, (next) => {
        tier.renew(next);
        log.setLevel(next.logLevel);
      }),
    serveOperator: (status) =>
      address && listenOn("METRICS", address, () => operatorOfTier(address, status, log)),
  });
}

if (import.meta.main) await main();
