import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Endpoint, parseEndpoint } from "../src/config/hosts.ts";
import { HTTP_TIER } from "../src/config/http.ts";
import { load } from "../src/config/load.ts";
import { TCP_TIER } from "../src/config/tcp.ts";
import type { Environment } from "../src/config/variables.ts";
import { AdminClient } from "../src/gen/admin.ts";
import { UserClient } from "../src/gen/user.ts";
import { startHttp } from "../src/http-main.ts";
import { Balancer, type ClientIdentity } from "../src/rpc/client/balancer.ts";
import type { Caller } from "../src/rpc/method.ts";
import { startTcp } from "../src/tcp-main.ts";
import { createLog } from "../src/telemetry/log.ts";
import { Child } from "./child.ts";

/** Both tiers in this process, talking over real sockets. */
export interface Stack extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** RPC port of the first TCP server. */
  readonly rpcPort: number;
  /** RPC ports of all TCP servers. */
  readonly rpcPorts: readonly number[];
  readonly dataDir: string;
  /** A client of all TCP servers, for every contract. */
  readonly caller: Caller;
  readonly user: UserClient;
  /** An operator, unless `environment` has RPC_TOKENS. */
  readonly admin: AdminClient;
  /** A client with a connection of its own. */
  anotherClient(): UserClient;
}

/**
 * The command of the executable, if the tests run on it: `test/contract-in-chroot-main.ts` sets it.
 * Leases then last as long as in production.
 */
const PROGRAM = (process.env.TEST_PROGRAM ?? "").split(" ").filter(Boolean);

/** Cheap, so that tests do not spend their time on hashing. */
const FAST_HASH = "argon2id:m=64,t=1,p=1";

/** The HTTP tier does not get it. */
const ADMIN_TOKEN = "a secret of operators";

/**
 * Start both tiers on free ports, with the embedded storage in a throw-away folder unless
 * `environment` names servers.
 * @param tcpServers the number of TCP servers behind the HTTP tier
 * @param leaseMs shorter than in production if the cache must open soon after an update
 */
export async function startStack(
  environment: Environment = {},
  tcpServers = 1,
  leaseMs?: number,
): Promise<Stack> {
  await using cleanup = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "portico-"));
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }));
  const variables = {
    DATA_DIR: dataDir,
    HTTP_PORT: "0",
    RPC_PORT: "0",
    PASSWORD_HASH: FAST_HASH,
    LOG_LEVEL: "silent",
    ...environment,
  };
  const tcpVariables = { RPC_TOKENS: `admin:${ADMIN_TOKEN}`, ...variables };
  const start = PROGRAM.length > 0 ? startProcesses : startHere;
  const running = await start(cleanup, variables, tcpVariables, tcpServers, leaseMs);
  const { url, rpcAddresses } = running;
  const connect = (identity?: ClientIdentity): Caller => {
    const balancer = new Balancer(rpcAddresses, undefined, identity);
    started.defer(async () => balancer.close());
    return balancer;
  };
  const started = cleanup.move();
  const caller = connect();
  return {
    url,
    rpcPort: rpcAddresses[0]?.port ?? 0,
    rpcPorts: rpcAddresses.map(({ port }) => port),
    dataDir,
    caller,
    user: new UserClient(caller),
    admin: new AdminClient(connect({ caller: "admin", token: ADMIN_TOKEN })),
    anotherClient: () => new UserClient(connect()),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

interface Addresses {
  /** Of the HTTP tier. */
  readonly url: string;
  readonly rpcAddresses: readonly Endpoint[];
}

/** Start the tiers in this process. */
async function startHere(
  cleanup: AsyncDisposableStack,
  variables: Environment,
  tcpVariables: Environment,
  tcpServers: number,
  leaseMs: number | undefined,
): Promise<Addresses> {
  const config = load(TCP_TIER, tcpVariables);
  const log = createLog("test", config.logLevel, false);
  const rpcAddresses: Endpoint[] = [];
  for (let server = 0; server < tcpServers; server++) {
    const tcp = await startTcp(config, log, { leaseMs });
    cleanup.defer(() => tcp.close(1000));
    rpcAddresses.push({ host: config.rpc.host, port: tcp.port });
  }
  const http = await startHttp({ ...load(HTTP_TIER, variables), rpcAddresses }, log);
  cleanup.defer(() => http.close(1000));
  return { url: http.address, rpcAddresses };
}

/** Start each tier as a process of the executable. */
async function startProcesses(
  cleanup: AsyncDisposableStack,
  variables: Environment,
  tcpVariables: Environment,
  tcpServers: number,
): Promise<Addresses> {
  const start = async (tier: string, given: Environment) => {
    const set = Object.entries({ ...given, LOG_LEVEL: "info" }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const child = new Child(tier, { program: PROGRAM, environment: Object.fromEntries(set) });
    cleanup.use(child);
    return child.listening();
  };
  const addresses: string[] = [];
  for (let server = 0; server < tcpServers; server++) {
    addresses.push(await start("tcp", tcpVariables));
  }
  const url = await start("http", { ...variables, RPC_ADDRESSES: addresses.join() });
  return { url, rpcAddresses: addresses.map(parseEndpoint) };
}
