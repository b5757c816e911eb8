// Starts both tiers for production, with the configured number of processes. `bun run start`

import { HELP } from "./cli/help.ts";
import { asCalled } from "./cli/program-name.ts";
import { optionsOrExit } from "./cli/usage.ts";
import { exposureWarnings } from "./config/exposure.ts";
import { bracketed, calledHost } from "./config/hosts.ts";
import { orExit } from "./config/load.ts";
import { lookalikes, lookalikeText } from "./config/lookalikes.ts";
import { afterReload, ValuesInUse } from "./config/reload.ts";
import { MEMORY_ENVIRONMENT, withOlderTokens } from "./config/start.ts";
import { readStartSettings, type StartSettings } from "./config/start-settings.ts";
import { storeWarnings } from "./config/store-exposure.ts";
import type { Environment } from "./config/variables.ts";
import { isSignal, onEnd, speakThrough } from "./process/end.ts";
import { freePorts } from "./process/free-ports.ts";
import { listenOn } from "./process/lifecycle.ts";
import { onReload } from "./process/sighup.ts";
import { Systemd } from "./process/systemd.ts";
import { type AskedTiers, tiersReadiness } from "./process/tiers-readiness.ts";
import { Worker } from "./process/worker.ts";
import { createLog } from "./telemetry/log.ts";
import { WorkerMetrics } from "./telemetry/metrics/workers.ts";
import { OperatorServer } from "./telemetry/operator-server.ts";
import { hashWarnings } from "./user/hash-cost.ts";

const options = await optionsOrExit("start", HELP.start, { config: { type: "string" } });
let settings = orExit(() => readStartSettings(process.env, options.config));
const { config, environments } = settings;
const log = createLog("start", config.http.logLevel, process.stdout.isTTY, asCalled);

async function boundOrExit<T>(bind: () => T): Promise<T> {
  try {
    return bind();
  } catch (error) {
    log.error({ err: error }, "cannot start");
    return exit(1);
  }
}

async function exit(exitCode: number): Promise<never> {
  await log.end();
  process.exit(exitCode);
}

speakThrough(log);
for (const each of lookalikes(process.env)) log.warn(lookalikeText(each));
for (const warning of settings.warnings) log.warn(warning);
for (const warning of exposureWarnings(config.http)) log.warn(warning);
for (const warning of hashWarnings(config.tcp)) log.warn(warning);
for (const warning of storeWarnings(config.tcp)) log.warn(warning);
for (const warning of environments.warnings) log.warn(warning);
const { metrics: operator, drainDelayMs } = config.http;
/** The workers then count what only metrics need. */
const metricsArgs = operator ? ["--metrics"] : [];
const systemd = Systemd.of(process.env, (err) => log.warn({ err }, "cannot reach systemd"));
let isEnding = false;
let tiers: AskedTiers = { tcp: [], http: [] };
if (operator) {
  const measured = new WorkerMetrics();
  const metrics = () => measured.read(tiers);
  const readiness = async () => (isEnding ? ["draining"] : tiersReadiness(tiers));
  const serve = () => new OperatorServer({ ...operator, metrics, readiness, log });
  await boundOrExit(() => listenOn("METRICS", operator, serve));
}
const ports = await boundOrExit(() =>
  freePorts(config.http.http, config.tcp.rpc, config.rpcWorkers),
);
const rpcHost = bracketed(calledHost(config.tcp.rpc.host));
const rpcAddresses = ports.rpc.map((port) => `${rpcHost}:${port}`);

// Each TCP server has its own port: the HTTP tier keeps few connections for a long time, so it must
// know the servers to balance its calls.
const tcpEnvironment = (environment: Environment, port: number) => ({
  ...environment,
  ...MEMORY_ENVIRONMENT,
  RPC_PORT: `${port}`,
});
const tcp = ports.rpc.map((port) => {
  const environment = tcpEnvironment(settings.environments.tcp, port);
  return new Worker(
    { script: "src/tcp-main.ts", args: metricsArgs, environment, drainDelayMs },
    log,
  );
});
// All HTTP processes share a port: browsers open many connections, and the kernel spreads them.
const httpEnvironment = ({ environment, environments }: StartSettings) => ({
  ...environments.http,
  ...MEMORY_ENVIRONMENT,
  HTTP_PORT: `${ports.http}`,
  RPC_ADDRESSES: environment.RPC_ADDRESSES || rpcAddresses.join(),
});
const http = Array.from({ length: config.httpWorkers }, () => {
  const environment = httpEnvironment(settings);
  const args = ["--workers", `${config.httpWorkers}`, ...metricsArgs];
  return new Worker({ script: "src/http-main.ts", args, environment, drainDelayMs }, log);
});

tiers = { tcp, http };

/** Stop the HTTP tier first, because its running requests need the TCP tier. */
async function stopAll(how: "delayed" | "now"): Promise<void> {
  for (const worker of [...http, ...tcp]) worker.retire();
  await Promise.all(http.map((worker) => worker.stop(how)));
  // The only clients of these servers have ended.
  await Promise.all(tcp.map((worker) => worker.stop("now")));
}

onEnd(async (reason) => {
  if (isEnding) return;
  isEnding = true;
  systemd.stopping();
  log.info({ reason }, "stopping both tiers");
  await stopAll(isSignal(reason) ? "delayed" : "now");
  await exit(0);
});

const inUse = new ValuesInUse("start", settings.environment);

/**
 * The TCP tier first knows the old tokens and the new ones, and the HTTP tier changes in between.
 * So no connection is refused.
 */
async function reload(): Promise<readonly string[]> {
  const next = readStartSettings(process.env, options.config);
  const give = (workers: readonly Worker[], environment: (index: number) => Environment) =>
    Promise.all(workers.map((worker, index) => worker.reload(environment(index))));
  const giveTcp = (environment: Environment) =>
    give(tcp, (index) => tcpEnvironment(environment, ports.rpc[index] ?? 0));
  const before = settings.environments;
  const environments = {
    ...next.environments,
    tcp: afterReload(before.tcp, next.environments.tcp),
    http: afterReload(before.http, next.environments.http),
  };
  await giveTcp(withOlderTokens(environments.tcp, before.tcp));
  await give(http, () => httpEnvironment({ ...settings, environments }));
  await giveTcp(environments.tcp);
  settings = { ...settings, environments };
  log.setLevel(next.config.http.logLevel);
  return inUse.renew(next.environment);
}

onReload(log, () => systemd.during(reload));

/** Start one worker first, so that an error that all of them have is logged once. */
async function startTier([first, ...others]: readonly Worker[]): Promise<void> {
  await startOrExit(first);
  await Promise.all(others.map(startOrExit));
}

async function startOrExit(worker: Worker | undefined): Promise<void> {
  if (isEnding) return;
  const ending = await worker?.start();
  if (ending === undefined || isEnding) return;
  isEnding = true;
  await stopAll("now");
  await exit(ending.exitCode || 1);
}

void systemd.ready(() => tiersReadiness(tiers));
await Promise.all([startTier(tcp), startTier(http)]);
if (!isEnding) {
  const address = `http://${bracketed(config.http.http.host)}:${ports.http}`;
  const fields = { address, pid: process.pid, httpWorkers: http.length, rpcAddresses };
  log.info(fields, "both tiers are running");
}
