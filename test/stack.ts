import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "../src/config/hosts.ts";
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
  const config = load(TCP_TIER, { RPC_TOKENS: `admin:${ADMIN_TOKEN}`, ...variables });
  const log = createLog("test", config.logLevel, false);
  const rpcAddresses: Endpoint[] = [];
  for (let server = 0; server < tcpServers; server++) {
    const tcp = await startTcp(config, log, { leaseMs });
    cleanup.defer(() => tcp.close(1000));
    rpcAddresses.push({ host: config.rpc.host, port: tcp.port });
  }
  const http = await startHttp({ ...load(HTTP_TIER, variables), rpcAddresses }, log);
  cleanup.defer(() => http.close(1000));
  const connect = (identity?: ClientIdentity): Caller => {
    const balancer = new Balancer(rpcAddresses, undefined, identity);
    started.defer(async () => balancer.close());
    return balancer;
  };
  const started = cleanup.move();
  const caller = connect();
  return {
    url: http.address,
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
