// Calls a running server from the command line. `bun run rpc --help`

import { version } from "../package.json" with { type: "json" };
import { type Arguments, parseArguments } from "./cli/arguments.ts";
import { findEntry } from "./cli/catalog.ts";
import { ExitCode, explain } from "./cli/failure.ts";
import { FrameLog } from "./cli/frame-log.ts";
import { HELP } from "./cli/help.ts";
import { canHold } from "./cli/json-schema.ts";
import { describeMethod, listServices } from "./cli/listing.ts";
import { LiveServer } from "./cli/live-server.ts";
import { print } from "./cli/output.ts";
import { pipedRequest, statedRequest } from "./cli/request.ts";
import { STDIN } from "./cli/stdin.ts";
import { UsageError } from "./cli/usage.ts";
import { tellLookalikes } from "./config/command.ts";
import { bracketed } from "./config/hosts.ts";
import { load } from "./config/load.ts";
import { ConfigError } from "./config/reader.ts";
import { RPC_COMMAND, type RpcCommandConfig } from "./config/rpc-client.ts";
import type { Environment } from "./config/variables.ts";
import { Balancer } from "./rpc/client/balancer.ts";
import type { JsonObject } from "./rpc/json.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";

const BUILD = `portico-rpc/${version}`;
/** Whoever types a request takes the time that it takes: the deadline begins after it. */
const MAX_TYPING_MS = 3_600_000;

/** @throws {ConfigError} a variable is wrong that no argument stands in for */
function configFor({ addresses, token }: Arguments, environment: Environment): RpcCommandConfig {
  const stated = {
    ...(addresses && {
      RPC_ADDRESSES: addresses.map(({ host, port }) => `${bracketed(host)}:${port}`).join(),
    }),
    ...(token !== undefined && { RPC_TOKEN: token }),
  };
  return load(RPC_COMMAND, { ...environment, ...stated });
}

/** What goes to stdout. */
async function run(args: Arguments, config: RpcCommandConfig, requestId: string): Promise<string> {
  const begunAt = performance.now();
  const isCall = args.target?.includes(".") === true && !args.help;
  const isTyped = args.request === "-" && STDIN.isTerminal;
  // Before a server is asked: what is no request must not depend on one.
  const request = isCall
    ? await statedRequest(args.request, STDIN, isTyped ? MAX_TYPING_MS : args.deadlineMs)
    : {};
  const deadline = (isTyped ? performance.now() : begunAt) + args.deadlineMs;
  const log = args.verbose ? new FrameLog(console.error, process.stderr.columns) : undefined;
  const balancer = new Balancer(
    config.rpcAddresses,
    // One connection, and only when it is needed: it all is one call.
    { ...DEFAULT_POOL_LIMITS, ...config.rpcLimits, minIdle: 0, maxConnections: 1 },
    {
      build: BUILD,
      token: config.rpcToken,
      isTokenOptional: config.isTokenOptional,
      tlsCa: config.rpcTlsCa,
      tap: log?.tap,
    },
    [log?.interceptor],
  );
  try {
    return await ask(new LiveServer(balancer, requestId, deadline), args, request, log);
  } finally {
    balancer.close();
    log?.end();
  }
}

async function ask(
  server: LiveServer,
  { target, help }: Arguments,
  stated: JsonObject | undefined,
  log: FrameLog | undefined,
): Promise<string> {
  const services = await server.describe();
  log?.learn(services);
  if (target === undefined) return `${listServices(services)}\n\n\n${NEXT_STEP}`;
  const { service, method } = findEntry(services, target);
  if (!method) return listServices([service]);
  if (help) return describeMethod(service.service, method);
  // Not for a method that takes nothing: what is on stdin is then for another command.
  const piped = () => (canHold(method.request) ? pipedRequest(STDIN, server.remainingMs()) : {});
  const request = stated ?? (await piped());
  const reply = await server.call(service.service, method, request);
  if (`${service.service}.${method.name}` === "System.health" && isDown(reply)) {
    process.exitCode = ExitCode.error;
  }
  return JSON.stringify(reply, null, 2);
}

/** Whether a part of a server is down, as System.health tells it. */
function isDown(health: unknown): boolean {
  const parts = Object.values(health ?? {});
  return parts.some((part) => part instanceof Object && "state" in part && part.state === "down");
}

const NEXT_STEP = `bun run rpc SERVICE.METHOD --help   fields, errors and an example
bun run rpc --help                  how to call`;

if (import.meta.main) {
  const requestId = crypto.randomUUID();
  let target: string | undefined;
  try {
    const args = parseArguments(process.argv.slice(2));
    target = args.target;
    const isAboutItself = args.help && target === undefined;
    if (!isAboutItself) tellLookalikes(process.env);
    await print(isAboutItself ? HELP : await run(args, configFor(args, process.env), requestId));
  } catch (error) {
    const mistake = error instanceof ConfigError ? new UsageError(error.message) : error;
    const failure = explain(mistake, { target, requestId });
    if (!failure) throw error;
    console.error(failure.text);
    process.exitCode = failure.exitCode;
  }
}
