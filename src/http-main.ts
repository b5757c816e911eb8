// The HTTP tier: pages, cookies and pictures in front of the RPC. `bun run start:http`

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { version } from "../package.json" with { type: "json" };
import { HELP } from "./cli/help.ts";
import { asCalled } from "./cli/program-name.ts";
import { optionsOrExit } from "./cli/usage.ts";
import { exposureWarnings } from "./config/exposure.ts";
import { HTTP_TIER, type HttpConfig } from "./config/http.ts";
import { loadOrExit, orExit } from "./config/load.ts";
import { lookalikes, lookalikeText } from "./config/lookalikes.ts";
import { RunningSettings } from "./config/reload.ts";
import { readSettings } from "./config/settings.ts";
import { clientsOf } from "./gen/http-endpoints.ts";
import { SystemClient } from "./gen/system.ts";
import { DecoderPool } from "./http/avatar/decoder-pool.ts";
import { openAvatars } from "./http/avatar/open.ts";
import { AvatarRemovals } from "./http/avatar/removals.ts";
import { sweepDaily } from "./http/avatar/sweep.ts";
import { Bodies } from "./http/body.ts";
import { ClientAddress } from "./http/client-address.ts";
import { DeviceCookie } from "./http/device-cookie.ts";
import type { HttpParts } from "./http/exchange.ts";
import { bothAnswered } from "./http/observer.ts";
import { RequestRecords } from "./http/request-records.ts";
import { HttpServer } from "./http/server.ts";
import { SessionCookie } from "./http/session-cookie.ts";
import { listenOn, type RunningTier, runTier } from "./process/lifecycle.ts";
import { commandOf, ROOT } from "./process/program.ts";
import { Systemd } from "./process/systemd.ts";
import { Balancer } from "./rpc/client/balancer.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";
import { callLog } from "./telemetry/call-log.ts";
import { CallStats } from "./telemetry/call-stats.ts";
import { createLog, type ProcessLog } from "./telemetry/log.ts";
import { RequestDurations } from "./telemetry/metrics/http-metrics.ts";
import { httpTierMetrics } from "./telemetry/metrics/tiers.ts";
import { operatorOfTier } from "./telemetry/operator-of-tier.ts";
import { Readiness } from "./telemetry/readiness.ts";
import { serversCheck } from "./telemetry/server-check.ts";
import { Stalls } from "./telemetry/stalls.ts";
import { traceOutgoing } from "./telemetry/traces/calls.ts";
import { openTraces } from "./telemetry/traces/open.ts";
import { traceRequests } from "./telemetry/traces/requests.ts";

const BUILD = `portico/${version}`;
/** In the executable, `bun run build` puts the files of the viewer into the root. */
const VIEWER_FOLDER = Bun.isStandaloneExecutable
  ? ROOT
  : join(ROOT, "node_modules/swagger-ui-dist");

/**
 * The waiting removals of pictures get this long, even if the last requests took the whole grace.
 */
const MIN_REMOVAL_MS = 1000;

export interface HttpTier extends RunningTier {
  /** Take over what can change while the tier runs. */
  renew(config: HttpConfig): void;
}

export interface HttpOptions {
  /** How many processes of `bun run start` share the port, and the cores. Default 1. */
  readonly workers?: number;
  /** Count what only metrics need. Default: if this process serves them. */
  readonly hasMetrics?: boolean;
}

export async function startHttp(
  config: HttpConfig,
  log: ProcessLog,
  { workers = 1, hasMetrics = config.metrics !== undefined }: HttpOptions = {},
): Promise<HttpTier> {
  const { http, publicUrl, rpcAddresses, sessionTtlSeconds } = config;
  const avatars = await openAvatars(join(config.dataDir, "avatars"), config.avatarBucket, log);
  const identity = { build: BUILD, token: config.rpcToken, tlsCa: config.rpcTlsCa, log };
  const traces = await openTraces(config.traces && { ...config.traces, version }, log);
  const counted = hasMetrics
    ? { requests: new RequestDurations(), calls: new CallStats() }
    : undefined;
  const tracing = traces && traceOutgoing(traces);
  const interceptors = [callLog(log), counted?.calls.interceptor, tracing];
  // Fill one connection before using the next. Fewer writes save CPU time, which matters most in
  // this process: it is busy with browsers.
  const packedInFlight = DEFAULT_POOL_LIMITS.maxInFlight;
  const limits = { ...DEFAULT_POOL_LIMITS, ...config.rpcLimits, packedInFlight };
  const balancer = new Balancer(rpcAddresses, limits, identity, interceptors);
  const clients = clientsOf(balancer);
  const readiness = new Readiness([serversCheck(() => balancer.servers())], log);
  const system = new SystemClient(balancer);
  const records = new RequestRecords(system, config.slowRequestMs, new Stalls(), log);
  const removals = new AvatarRemovals(avatars, clients.user, log);
  const processes = Math.max(1, Math.floor(availableParallelism() / workers));
  const decoders = new DecoderPool(commandOf("src/picture-main.ts"), { processes });
  const clientAddress = new ClientAddress(config.trustedProxies, log);
  const parts: HttpParts = {
    clients,
    cookie: new SessionCookie(publicUrl, sessionTtlSeconds, config.hasCookieHostPrefix),
    device: new DeviceCookie(publicUrl, config.hasCookieHostPrefix),
    bodies: new Bodies(),
    clientAddress,
    avatars,
    decoders,
    removals,
    publicOrigin: config.isPublicUrlSet ? publicUrl.origin : undefined,
    publicFolder: join(ROOT, "public"),
    viewerFolder: VIEWER_FOLDER,
    hasDocs: config.hasDocs,
    readiness: () => readiness.reasons(),
    log,
  };
  const requestTracing = traces && traceRequests(traces);
  const onAnswered = bothAnswered(counted?.requests.onAnswered, records.onAnswered);
  const { accessLog, keepAliveSeconds: idleTimeoutSeconds } = config;
  const own = {
    ...http,
    idleTimeoutSeconds,
    sharesPort: workers > 1,
    accessLog,
    tracing: requestTracing,
    onAnswered,
  };
  const server = listenOn("HTTP", http, () => new HttpServer({ ...own, ...parts }));
  const sources = { server, bodies: parts.bodies, decoders, balancer, readiness, version, log };
  const metrics = counted && httpTierMetrics({ ...counted, ...sources });
  const sweeping = sweepDaily({ avatars, user: clients.user }, log);
  return {
    address: server.url,
    shed: () => server.shed(),
    readiness: () => readiness.reasons(),
    retire: () => readiness.retire(),
    ...(metrics && { metrics: () => readiness.refresh().then(() => metrics.snapshot()) }),
    renew({ rpcToken, rpcTlsCa, trustedProxies, accessLog }) {
      server.accessLog = accessLog;
      balancer.renew({ token: rpcToken, tlsCa: rpcTlsCa });
      clientAddress.trust(trustedProxies);
    },
    async close(graceMs) {
      const endsAt = performance.now() + graceMs;
      sweeping[Symbol.dispose]();
      await server.close(graceMs);
      await removals.close(Math.max(MIN_REMOVAL_MS, endsAt - performance.now()));
      await records.close();
      decoders.close();
      balancer.close();
      await traces?.close(endsAt - performance.now());
    },
  };
}

export async function main(): Promise<void> {
  // An option, not a variable: other processes of the same environment would inherit a variable.
  const options = await optionsOrExit("start:http", HELP["start:http"], {
    config: { type: "string" },
    workers: { type: "string" },
    metrics: { type: "boolean" },
  });
  const read = () => readSettings("http", process.env, options.config);
  const settings = orExit(read);
  const config = loadOrExit(HTTP_TIER, settings);
  const log = createLog("http", config.logLevel, process.stdout.isTTY, asCalled);
  // If `start` or `dev` is the parent, it has already logged these.
  if (!process.send) {
    for (const each of lookalikes(process.env)) log.warn(lookalikeText(each));
    for (const warning of [...settings.warnings, ...exposureWarnings(config)]) log.warn(warning);
  }
  const { metrics: address, drainDelayMs } = config;
  const hasMetrics = options.metrics === true || address !== undefined;
  const workers = Number(options.workers ?? 1);
  const running = new RunningSettings(HTTP_TIER, settings, read);
  const systemd = Systemd.of(process.env, (err) => log.warn({ err }, "cannot reach systemd"));
  await runTier(log, () => startHttp(config, log, { workers, hasMetrics }), {
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
