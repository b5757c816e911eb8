// Starts both tiers for development, prints their addresses, and restarts them on a change.

import { join } from "node:path";
import { HELP } from "./cli/help.ts";
import { optionsOrExit } from "./cli/usage.ts";
import { exposureWarnings } from "./config/exposure.ts";
import type { Endpoint } from "./config/hosts.ts";
import { orExit } from "./config/load.ts";
import { storeWarnings } from "./config/store-exposure.ts";
import { Changes } from "./process/changes.ts";
import { onEnd } from "./process/end.ts";
import { freePort } from "./process/free-ports.ts";
import { listenOn } from "./process/lifecycle.ts";
import { TierProcess } from "./process/tier-process.ts";
import { tiersReadiness } from "./process/tiers-readiness.ts";
import { type OperatorLog, OperatorServer } from "./telemetry/operator-server.ts";
import { Output } from "./telemetry/output.ts";
import { hashWarnings } from "./user/hash-cost.ts";

const ROOT = join(import.meta.dir, "..");
const CODEGEN = join(ROOT, "codegen/main.ts");
const WATCHED = ["schema", "src", "public"];
/** Files that codegen writes. The tiers that start after codegen already have them. */
const EMITTED = /^(src\/gen\/|public\/(api\.js|openapi\.json)$)/;

const options = await optionsOrExit("dev", HELP.dev, {
  config: { type: "string" },
  install: { type: "boolean" },
});
if (options.install) await installOrExit();
// Import these after the install, because they need packages.
const { lookalikes, lookalikeText } = await import("./config/lookalikes.ts");
const { readStartSettings } = await import("./config/start-settings.ts");
const { WorkerMetrics } = await import("./telemetry/metrics/workers.ts");
// NODE_ENV of the shell is ignored: this command is for development.
const given = { ...process.env, NODE_ENV: "development" };
const settings = orExit(() => readStartSettings(given, options.config, { LOG_LEVEL: "debug" }));
const { config, environments } = settings;
const { http, tcp } = config;
// console.log() would block this process while the terminal is stopped.
const output = new Output(1, (lines) => say(`(${lines} lines could not be printed)`));
const say = (text: string): void => output.write(`${text}\n`);

const warnings = [
  ...settings.warnings,
  ...exposureWarnings(http),
  ...hashWarnings(tcp),
  ...storeWarnings(tcp),
  ...environments.warnings,
];
for (const warning of warnings) say(`  ${warning}`);
for (const each of lookalikes(process.env)) say(`  ${lookalikeText(each)}`);

/** A change of a file must not wait for load balancers. */
const UNDELAYED = { DRAIN_DELAY_MS: undefined };
/** With RPC_PORT=0, the HTTP tier must know which port the TCP tier has. */
const rpcPort = tcp.rpc.port === 0 ? { RPC_PORT: `${freePort(tcp.rpc.host)}` } : undefined;
let tiers: readonly TierProcess[] = [];
/** The tiers that this process is ending. Their end is not reported. */
const unwanted = new WeakSet<TierProcess>();

const { metrics } = http;
const operator = metrics && (await serveOperator(metrics));

async function serveOperator(endpoint: Endpoint): Promise<OperatorServer> {
  const askedTiers = () => {
    const [tcp = [], http = []] = tiers.map((tier) => [tier]);
    return { tcp, http };
  };
  const readiness = () => tiersReadiness(askedTiers());
  const measured = new WorkerMetrics();
  const metrics = () => measured.read(askedTiers());
  const log: OperatorLog = {
    info() {},
    error: ({ err }, event) => say(`\n  ${event}: ${err}`),
  };
  const serve = () => new OperatorServer({ ...endpoint, metrics, readiness, log });
  try {
    return listenOn("METRICS", endpoint, serve);
  } catch (error) {
    say(`  ${error instanceof Error ? error.message : error}`);
    await output.end();
    return process.exit(1);
  }
}

/** Install the dependencies of the lock file. */
async function installOrExit(): Promise<void> {
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) process.exit(exitCode);
}

function startTier(name: "http" | "tcp"): TierProcess {
  const script = `src/${name}-main.ts`;
  const environment = { ...environments[name], ...rpcPort, ...UNDELAYED };
  const args = metrics ? ["--metrics"] : [];
  const tier = new TierProcess({ script, args, environment });
  void tier.ended.then(({ exitCode, signal, wasStuck }) => {
    if (unwanted.has(tier)) return;
    const ended = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
    const how = wasStuck ? "did not answer and was killed" : ended;
    say(`\n  ${script} ${how}: see above`);
  });
  return tier;
}

async function startTiers(): Promise<boolean> {
  tiers = [startTier("tcp"), startTier("http")];
  const [rpc, pages] = await Promise.all(tiers.map((tier) => tier.listening));
  if (rpc === undefined || pages === undefined) return false;
  const { avatarBucket, dataDir } = http;
  const users = tcp.databaseUrl ? "MySQL" : `SQLite in ${dataDir}`;
  const sessions = tcp.redisUrl ? "Redis" : `SQLite in ${dataDir}`;
  const pictures = avatarBucket ? `S3 at ${avatarBucket.endpoint}` : `${dataDir}/avatars`;
  say(`
  Portico is running

    Pages     ${pages}/
    API       ${http.hasDocs ? `${pages}/docs` : "without /docs (DOCS=off)"}
    RPC       ${rpc}
    Users     ${users}
    Sessions  ${sessions}
    Pictures  ${pictures}${operator ? `\n    Metrics   ${operator.url}/metrics` : ""}

  It restarts when a file in ${WATCHED.join(", ")} changes. Ctrl-C ends it.
`);
  return true;
}

async function stopTiers(): Promise<void> {
  for (const tier of tiers) unwanted.add(tier);
  await Promise.all(tiers.map((tier) => tier.stop()));
}

const started = startTiers();
/** Why codegen refuses the current schema; undefined if the schema is accepted. */
let refusal: string | undefined;

const changes = new Changes(started, restartTiers);

async function restartTiers(files: readonly string[]): Promise<void> {
  say(`\n  ${files.join(", ")} changed: restarting`);
  if (files.some((file) => file.startsWith("schema/"))) {
    refusal = await runCodegen();
    await changes.settle();
  }
  await stopTiers();
  changes.forget(EMITTED);
  if (!(await startTiers())) say("\n  Waiting for the next change");
  if (refusal === undefined) return;
  // The emitted code uses the schemas only to validate messages.
  const what = "The schema change has no effect except in the validation of messages";
  say(`  ${what}:\n    ${refusal}\n`);
}

/** Print the output of codegen, and resolve to the reason if it refuses the schema. */
async function runCodegen(): Promise<string | undefined> {
  // A saved schema is not published yet. With --draft, the lock does not record it.
  const codegen = Bun.spawn([process.execPath, "--no-env-file", CODEGEN, "--draft"], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said = await new Response(codegen.stderr).text();
  output.write(said);
  if ((await codegen.exited) === 0) return undefined;
  const [reason = "codegen failed"] = /^(Cannot |\w*error: ).*/im.exec(said) ?? [];
  return reason.split("; ")[0];
}

let exiting: Promise<never> | undefined;
/** Exit once; the first exit code counts. */
function exit(exitCode: number): Promise<never> {
  exiting ??= stopTiers().then(async () => {
    await output.end();
    process.exit(exitCode);
  });
  return exiting;
}

onEnd(() => exit(0));

// Watch before the message that the tiers run: its reader may change a file at once.
changes.watch(ROOT, WATCHED);
if (!(await started)) await exit(1);
