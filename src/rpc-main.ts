// Calls a running server from the command line. `bun run rpc --help`

import { isatty } from "node:tty";
import { version } from "../package.json" with { type: "json" };
import { type Arguments, parseArguments } from "./cli/arguments.ts";
import { findEntry } from "./cli/catalog.ts";
import { explain } from "./cli/failure.ts";
import { FrameLog } from "./cli/frame-log.ts";
import { HELP } from "./cli/help.ts";
import { describeMethod, listServices } from "./cli/listing.ts";
import { LiveServer } from "./cli/live-server.ts";
import { type Input, readRequest } from "./cli/request.ts";
import { UsageError } from "./cli/usage.ts";
import { type Config, ConfigError, loadConfig } from "./config.ts";
import { Balancer } from "./rpc/balancer.ts";
import type { JsonObject } from "./rpc/json.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";

const BUILD = `portico-rpc/${version}`;
const PATIENCE_MS = 1000;

const STDIN: Input = {
  isTerminal: isatty(0),
  async text() {
    const hint = setTimeout(() => console.error("Reading the request from stdin"), PATIENCE_MS);
    const text = await Bun.stdin.text();
    clearTimeout(hint);
    return text;
  },
};

/** What goes to stdout. */
async function run(args: Arguments, config: Config): Promise<string> {
  const isCall = args.target?.includes(".") === true && !args.help;
  // Before a server is asked: what is no request must not depend on one.
  const request = isCall ? await readRequest(args.request, STDIN) : {};
  const log = args.verbose ? new FrameLog(console.error, process.stderr.columns) : undefined;
  const balancer = new Balancer(
    args.addresses ?? config.rpcAddresses,
    // One connection, and only when it is needed: it all is one call.
    { ...DEFAULT_POOL_LIMITS, ...config.rpcLimits, minIdle: 0, maxConnections: 1 },
    { build: BUILD, token: args.token ?? config.rpcToken, tlsCa: config.rpcTlsCa, tap: log?.tap },
    [log?.interceptor],
  );
  try {
    return await ask(new LiveServer(balancer, args.deadlineMs), args, request, log);
  } finally {
    balancer.close();
    log?.end();
  }
}

async function ask(
  server: LiveServer,
  { target, help }: Arguments,
  request: JsonObject,
  log: FrameLog | undefined,
): Promise<string> {
  const services = await server.describe();
  log?.learn(services);
  if (target === undefined) return `${listServices(services)}\n\n\n${NEXT_STEP}`;
  const { service, method } = findEntry(services, target);
  if (!method) return listServices([service]);
  if (help) return describeMethod(service.service, method);
  return JSON.stringify(await server.call(service.service, method, request), null, 2);
}

const NEXT_STEP = `bun run rpc SERVICE.METHOD --help   fields, errors and an example
bun run rpc --help                  how to call`;

if (import.meta.main) {
  try {
    const args = parseArguments(process.argv.slice(2));
    const isAboutItself = args.help && args.target === undefined;
    console.log(isAboutItself ? HELP : await run(args, loadConfig(process.env)));
  } catch (error) {
    const failure = explain(error instanceof ConfigError ? new UsageError(error.message) : error);
    if (!failure) throw error;
    console.error(failure.text);
    process.exitCode = failure.exitCode;
  }
}
