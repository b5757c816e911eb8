// Calls a running server from the command line. `bun run rpc --help`

import { version } from "../package.json" with { type: "json" };
import { type Answer, explanationText, unknownText } from "./cli/explanation.ts";
import { explain } from "./cli/failure.ts";
import { FrameLog } from "./cli/frame-log.ts";
import { HELP } from "./cli/help.ts";
import { canHold, describeMethod, listServices } from "./cli/listing.ts";
import { findEntry, LiveServer } from "./cli/live-server.ts";
import { isStdinTerminal, pipedRequest, statedRequest } from "./cli/request.ts";
import { parseRpcArguments, type RpcArguments } from "./cli/rpc-arguments.ts";
import { ExitCode, print, UsageError } from "./cli/usage.ts";
import { type RpcCommandConfig, rpcCommand } from "./config/commands.ts";
import { bracketed, type Endpoint } from "./config/hosts.ts";
import { ConfigError, load } from "./config/load.ts";
import { printLookalikes } from "./config/lookalikes.ts";
import { readSettings } from "./config/settings.ts";
import type { Environment } from "./config/variables.ts";
import { EXPLAIN, SystemClient } from "./gen/system.ts";
import { Balancer } from "./rpc/client/balancer.ts";
import type { JsonObject } from "./rpc/json.ts";
import { DEFAULT_POOL_LIMITS } from "./rpc/limits.ts";

const BUILD = `portico-rpc/${version}`;
/** Time to type a request on a terminal. The deadline begins afterwards. */
const MAX_TYPING_MS = 3_600_000;

/**
 * `--address` and `--token` replace their variables.
 * @throws {ConfigError} a variable is wrong
 */
function configFor(
  { addresses, caller, configPath, token }: RpcArguments,
  given: Environment,
): RpcCommandConfig {
  const stated = {
    ...(addresses && {
      RPC_ADDRESSES: addresses.map(({ host, port }) => `${bracketed(host)}:${port}`).join(),
      RPC_ADDRESSES_FILE: undefined,
    }),
    // Even if the caller is another one: a wrong RPC_TOKEN must not matter any more.
    ...(token !== undefined && { RPC_TOKEN: token, RPC_TOKEN_FILE: undefined }),
  };
  const settings = readSettings("rpc", { ...given, ...stated }, configPath);
  for (const warning of settings.warnings) console.error(warning);
  const { environment, origins } = settings;
  const read = token === undefined ? environment : { ...environment, RPC_TOKEN: undefined };
  return load(rpcCommand({ caller, token }), read, origins);
}

/** @returns the text for stdout, or undefined for none */
async function run(
  args: RpcArguments,
  config: RpcCommandConfig,
  requestId: string,
): Promise<string | undefined> {
  if (args.target === EXPLAIN.name && !args.help) return await askAll(args, config);
  const begunAt = performance.now();
  const isCall = args.target?.includes(".") === true && !args.help;
  const isTyped = args.request === "-" && isStdinTerminal;
  // Read the request before calling a server: a mistake in it is reported even if the server is
  // down.
  const request = isCall
    ? await statedRequest(args.request, isTyped ? MAX_TYPING_MS : args.deadlineMs)
    : {};
  const deadline = (isTyped ? performance.now() : begunAt) + args.deadlineMs;
  const log = args.verbose ? new FrameLog(console.error, process.stderr.columns) : undefined;
  const balancer = openBalancer(config.rpcAddresses, config, log);
  try {
    return await ask(new LiveServer(balancer, requestId, deadline), args, request, log);
  } finally {
    balancer.close();
    log?.end();
  }
}

function openBalancer(
  addresses: readonly Endpoint[],
  config: RpcCommandConfig,
  log: FrameLog | undefined,
): Balancer {
  return new Balancer(
    addresses,
    // One connection, opened by the first call.
    { ...DEFAULT_POOL_LIMITS, minIdle: 0, maxConnections: 1 },
    {
      build: BUILD,
      caller: config.caller,
      token: config.rpcToken,
      isTokenOptional: config.isTokenOptional,
      tlsCa: config.rpcTlsCa,
      tap: log?.tap,
    },
    [log?.interceptor],
  );
}

async function ask(
  server: LiveServer,
  { target, help }: RpcArguments,
  stated: JsonObject | undefined,
  log: FrameLog | undefined,
): Promise<string> {
  const services = await server.describe();
  log?.learn(services);
  if (target === undefined) return `${listServices(services)}\n\n\n${NEXT_STEP}`;
  const { service, method } = findEntry(services, target);
  if (!method) return listServices([service]);
  if (help) return describeMethod(service.service, method);
  // For a method without fields, do not read stdin, which may be meant for the next command.
  const piped = () => (canHold(method.request) ? pipedRequest(server.remainingMs()) : {});
  const request = stated ?? (await piped());
  const reply = await server.call(service.service, method, request);
  if (`${service.service}.${method.name}` === "System.health" && isDown(reply)) {
    process.exitCode = ExitCode.negative;
  }
  return JSON.stringify(reply, null, 2);
}

/** Ask every server what happened to a request: its record may be on any of them. */
async function askAll(args: RpcArguments, config: RpcCommandConfig): Promise<string | undefined> {
  const stated = await statedRequest(args.request, args.deadlineMs);
  const { requestId } = stated ?? (await pipedRequest(args.deadlineMs));
  if (typeof requestId !== "string" || requestId === "") {
    throw new UsageError(`Cannot explain: the request must be like '{"requestId": "…"}'`);
  }
  const answers = await Promise.all(
    config.rpcAddresses.map((address) => askOne(address, requestId, args, config)),
  );
  const account = explanationText(requestId, answers);
  if (account !== undefined) return account;
  const hasAnswer = answers.some(({ explanation }) => explanation !== undefined);
  process.exitCode = hasAnswer ? ExitCode.negative : ExitCode.failed;
  console.error(unknownText(requestId, answers));
  return undefined;
}

async function askOne(
  address: Endpoint,
  requestId: string,
  { deadlineMs: timeoutMs }: RpcArguments,
  config: RpcCommandConfig,
): Promise<Answer> {
  const name = `${bracketed(address.host)}:${address.port}`;
  const balancer = openBalancer([address], config, undefined);
  try {
    const explanation = await new SystemClient(balancer).explain({ requestId }, { timeoutMs });
    return { address: name, explanation, error: undefined };
  } catch (error) {
    return { address: name, explanation: undefined, error };
  } finally {
    balancer.close();
  }
}

/** Whether the reply of System.health says that a part of the server is down. */
function isDown(health: unknown): boolean {
  const parts = Object.values(health ?? {});
  return parts.some((part) => part instanceof Object && "state" in part && part.state === "down");
}

const NEXT_STEP = `bun run rpc SERVICE.METHOD --help   fields, errors and an example
bun run rpc --help                  how to call`;

export async function main(): Promise<void> {
  const requestId = crypto.randomUUID();
  let target: string | undefined;
  try {
    const args = parseRpcArguments(process.argv.slice(2));
    target = args.target;
    const isAboutItself = args.help && target === undefined;
    if (!isAboutItself) printLookalikes(process.env);
    const text = isAboutItself
      ? HELP.rpc
      : await run(args, configFor(args, process.env), requestId);
    if (text !== undefined) await print(text);
  } catch (error) {
    const mistake = error instanceof ConfigError ? new UsageError(error.message) : error;
    const failure = explain(mistake, { target, requestId });
    if (!failure) throw error;
    console.error(failure.text);
    process.exitCode = failure.exitCode;
  }
}

if (import.meta.main) await main();
