// Both tiers for production, each with as many processes as the environment says. `bun run start`

import { HELP } from "./cli/help.ts";
import { optionsOrExit } from "./cli/usage.ts";
import { bracketed, calledHost, type Endpoint } from "./config/hosts.ts";
import { loadOrExit, orExit } from "./config/load.ts";
import { lookalikes, lookalikeText } from "./config/lookalikes.ts";
import { MEMORY_ENVIRONMENT, START, tierEnvironments } from "./config/start.ts";
import { onEnd, speakThrough } from "./process/end.ts";
import { listenOn } from "./process/lifecycle.ts";
import { Worker } from "./process/worker.ts";
import { createLog } from "./telemetry/log.ts";

await optionsOrExit("start", HELP.start, {});
const config = loadOrExit(START, process.env);
const environments = orExit(() => tierEnvironments(config, process.env));
const log = createLog("start", config.http.logLevel, process.stdout.isTTY);

/**
 * The port of the HTTP tier and one for each TCP server. They are had for a moment, all at once, so
 * that one that somebody else has is told of here: workers that share a port would not notice.
 */
function freePorts(): { readonly http: number; readonly rpc: readonly number[] } {
  using probes = new DisposableStack();
  const probe = (prefix: "HTTP" | "RPC", { host, port }: Endpoint): number => {
    const bind = () => Bun.listen({ hostname: host, port, socket: { data() {} } });
    const listener = listenOn(prefix, { host, port }, bind);
    probes.defer(() => listener.stop(true));
    return listener.port;
  };
  const { host, port } = config.tcp.rpc;
  return {
    http: probe("HTTP", config.http.http),
    rpc: Array.from({ length: config.rpcWorkers }, (_, index) =>
      probe("RPC", { host, port: port === 0 ? 0 : port + index }),
    ),
  };
}

async function freePortsOrExit() {
  try {
    return freePorts();
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
if (environments.warning) log.warn(environments.warning);
const ports = await freePortsOrExit();
const rpcHost = bracketed(calledHost(config.tcp.rpc.host));
const rpcAddresses = ports.rpc.map((port) => `${rpcHost}:${port}`);

// A port for each TCP server, not one for all: the HTTP tier keeps its few connections for long, so
// it must know what it chooses from.
const tcp = ports.rpc.map((port) => {
  const environment = {
    ...environments.tcp,
    ...MEMORY_ENVIRONMENT,
    RPC_PORT: `${port}`,
  };
  return new Worker({ script: "src/tcp-main.ts", environment }, log);
});
// One port for all: browsers open connections all the time, and the kernel spreads them.
const http = Array.from({ length: config.httpWorkers }, () => {
  const environment = {
    ...environments.http,
    ...MEMORY_ENVIRONMENT,
    HTTP_PORT: `${ports.http}`,
    RPC_ADDRESSES: process.env.RPC_ADDRESSES || rpcAddresses.join(),
  };
  const args = ["--workers", `${config.httpWorkers}`];
  return new Worker({ script: "src/http-main.ts", args, environment }, log);
});

/** The HTTP tier first: what it was asked, it still has to ask the other. */
async function stopAll(): Promise<void> {
  for (const worker of [...http, ...tcp]) worker.retire();
  for (const tier of [http, tcp]) await Promise.all(tier.map((worker) => worker.stop()));
}

let isEnding = false;
onEnd(async (reason) => {
  if (isEnding) return;
  isEnding = true;
  log.info({ reason }, "stopping both tiers");
  await stopAll();
  await exit(0);
});

/** One goes ahead, so that what is wrong with all of them is said once. */
async function startTier([first, ...others]: readonly Worker[]): Promise<void> {
  await startOrExit(first);
  await Promise.all(others.map(startOrExit));
}

async function startOrExit(worker: Worker | undefined): Promise<void> {
  if (isEnding) return;
  const ending = await worker?.start();
  if (ending === undefined || isEnding) return;
  isEnding = true;
  await stopAll();
  await exit(ending.exitCode || 1);
}

await Promise.all([startTier(tcp), startTier(http)]);
if (!isEnding) {
  const address = `http://${bracketed(config.http.http.host)}:${ports.http}`;
  const fields = { address, pid: process.pid, httpWorkers: http.length, rpcAddresses };
  log.info(fields, "both tiers are running");
}
