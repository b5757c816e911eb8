import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { SystemClient } from "../src/gen/system.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { Child, Folder, startHttp } from "./child.ts";
import { available as hasMariaDb, type MariaDb, startMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { eventually } from "./storage-pairs.ts";

// Many processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const RPC_TOKEN = "a secret of both tiers";
const CREDENTIALS = { username: "grace", password: "hopper1906" };

/** `bun run start` on free ports. */
class Start extends Child {
  readonly url: string;

  constructor(dataDir: string, environment: Record<string, string>) {
    const httpPort = environment.HTTP_PORT ?? `${freePort()}`;
    super("src/start-main.ts", {
      environment: {
        ...{ DATA_DIR: dataDir, HTTP_PORT: httpPort, RPC_PORT: "0", RPC_TOKEN },
        ...environment,
      },
    });
    this.url = `http://127.0.0.1:${httpPort}`;
  }

  async running(): Promise<void> {
    await this.waitFor(/"both tiers are running"/);
  }

  /** The pids and addresses of all workers so far, in the order in which they listened. */
  workers(tier: "http" | "tcp"): { pid: number; address: string }[] {
    const listening = new RegExp(`"tier":"${tier}","address":"([^"]+)","pid":(\\d+)`, "g");
    return [...this.output.matchAll(listening)].map(([, address = "", pid]) => ({
      address,
      pid: Number(pid),
    }));
  }

  /** Resolves to the status and the process that answered: each has request ids of its own. */
  async ask(cookie: string): Promise<{ status: number; worker: string }> {
    // On a new connection: the kernel spreads connections, not requests.
    const response = await fetch(`${this.url}/api/entrytask/user/get_user_info`, {
      headers: { Cookie: cookie, Connection: "close" },
      keepalive: false,
    });
    await response.text();
    const requestId = response.headers.get("X-Request-Id") ?? "";
    return { status: response.status, worker: requestId.replace(/-[^-]*$/, "") };
  }

  post(path: string): Promise<Response> {
    return fetch(`${this.url}/api/entrytask/user/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(CREDENTIALS),
    });
  }

  async signIn(): Promise<string> {
    expect((await this.post("signup")).status).toBe(200);
    const response = await this.post("signin");
    return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  }
}

/** The statistics of one method on the server at `address`. */
async function statsOf(address: string, name: string) {
  const [host = "", port] = address.split(":");
  const addresses = [{ host, port: Number(port) }];
  const balancer = new Balancer(addresses, undefined, { token: RPC_TOKEN });
  try {
    const { methods } = await new SystemClient(balancer).stats({});
    return methods.find(({ method }) => method === name);
  } finally {
    balancer.close();
  }
}

/** The number of profile reads on the server at `address`. */
async function profilesRead(address: string): Promise<number> {
  return (await statsOf(address, "User.getUserInfo"))?.calls ?? 0;
}

describe.skipIf(!hasMariaDb || !hasRedis)("bun run start with two workers of each tier", () => {
  async function databases(): Promise<AsyncDisposable & { environment: Record<string, string> }> {
    await using started = new AsyncDisposableStack();
    const mariaDb: MariaDb = started.use(await startMariaDb());
    const redis = started.use(await startRedis());
    const environment = {
      DATABASE_URL: await mariaDb.createDatabase(),
      REDIS_URL: await redis.createDatabase(),
      HTTP_WORKERS: "2",
      RPC_WORKERS: "2",
    };
    const kept = started.move();
    return { environment, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }

  test("all of them serve, and a killed one is replaced", async () => {
    await using folder = await Folder.make();
    await using behind = await databases();
    await using start = new Start(folder.path, {
      ...behind.environment,
      PASSWORD_HASH: "salted-md5",
    });
    await start.running();
    const cookie = await start.signIn();
    const haveAnswered = new Set<string>();
    await eventually("both HTTP workers answer", async () => {
      haveAnswered.add((await start.ask(cookie)).worker);
      return haveAnswered.size === 2;
    });
    const servers = start.workers("tcp").map(({ address }) => address);
    await eventually("both TCP workers serve", async () => {
      await start.ask(cookie);
      const read = await Promise.all(servers.map(profilesRead));
      return read.length === 2 && read.every((calls) => calls > 0);
    });

    process.kill(start.workers("http")[0]?.pid ?? 0, "SIGKILL");
    await start.waitFor(/"signal":"SIGKILL".*starting another/);
    const meanwhile: number[] = [];
    while (start.workers("http").length < 3) meanwhile.push((await start.ask(cookie)).status);
    expect(new Set(meanwhile)).toEqual(new Set([200]));
    await eventually("the new HTTP worker answers", async () => {
      haveAnswered.add((await start.ask(cookie)).worker);
      return haveAnswered.size === 3;
    });

    start.output = start.output.replace(/starting another/, "");
    process.kill(start.workers("tcp")[0]?.pid ?? 0, "SIGKILL");
    // A read whose server dies is retried on the other one, so clients see no error.
    while (start.workers("tcp").length < 3) expect((await start.ask(cookie)).status).toBe(200);
    expect(start.output).toMatch(/"signal":"SIGKILL".*starting another/);
    const back = start.workers("tcp")[2]?.address ?? "";
    expect(back).toBe(start.workers("tcp")[0]?.address ?? "none");
    await eventually("the new TCP worker serves", async () => {
      await start.ask(cookie);
      return (await profilesRead(back)) > 0;
    });
  });

  test("drains once on SIGTERM, however often it comes and whichever process gets it", async () => {
    await using folder = await Folder.make();
    await using behind = await databases();
    await using start = new Start(folder.path, {
      ...behind.environment,
      PASSWORD_HASH: "argon2id:m=65536,t=3,p=1",
      LOG_LEVEL: "debug",
    });
    await start.running();
    const signUp = start.post("signup");
    const servers = start.workers("tcp").map(({ address }) => address);
    await eventually("the sign-up has begun", async () => {
      const stats = await Promise.all(servers.map((server) => statsOf(server, "User.signUp")));
      return stats.some((each) => each !== undefined && each.inFlight + each.calls > 0);
    });
    const workers = [...start.workers("tcp"), ...start.workers("http")].map(({ pid }) => pid);
    expect(workers).toHaveLength(4);
    // As Ctrl-C does for a process group.
    for (const pid of [start.pid, start.pid, ...workers]) process.kill(pid, "SIGTERM");
    expect(await (await signUp).json()).toMatchObject({ errCode: "7" });
    expect(await start.exited()).toBe(0);
    expect(start.output.match(/"msg":"closing"/g)).toHaveLength(4);
    expect(start.output.match(/"msg":"listening"/g)).toHaveLength(4);
  });

  test("reports a wrong setting once, not once a worker, and ends", async () => {
    await using folder = await Folder.make();
    await using behind = await databases();
    const { DATABASE_URL = "" } = behind.environment;
    const wrong = new URL(DATABASE_URL);
    wrong.username = "nobody";
    const environment = { ...behind.environment, DATABASE_URL: wrong.href };
    await using start = new Start(folder.path, environment);
    expect(await start.exited()).toBe(1);
    expect(start.output.match(/cannot start/g)).toHaveLength(1);
    expect(start.output).toContain("nobody");
  });
});

describe("bun run start", () => {
  test("says that its port is in use, whichever process uses it", async () => {
    await using folder = await Folder.make();
    await using start = new Start(folder.path, { HTTP_WORKERS: "2" });
    await start.running();
    const httpPort = new URL(start.url).port;
    const rpcPort = start.workers("tcp")[0]?.address.split(":")[1] ?? "";
    await using second = new Start(folder.path, { HTTP_WORKERS: "2", HTTP_PORT: httpPort });
    await using other = new Start(folder.path, { RPC_PORT: rpcPort });
    await using single = startHttp(folder.path, "127.0.0.1:1", { HTTP_PORT: httpPort });
    for (const { child, variables } of [
      { child: second, variables: `127.0.0.1:${httpPort} (HTTP_HOST, HTTP_PORT)` },
      { child: other, variables: `127.0.0.1:${rpcPort} (RPC_HOST, RPC_PORT)` },
      { child: single, variables: `127.0.0.1:${httpPort} (HTTP_HOST, HTTP_PORT)` },
    ]) {
      expect(await child.exited()).toBe(1);
      expect(child.output).toContain(`Cannot listen on ${variables}: the port is in use`);
      expect(child.output.match(/cannot start/g)).toHaveLength(1);
    }
  });

  test("ends at once on SIGTERM while it waits for its databases, and starts no more", async () => {
    await using folder = await Folder.make();
    await using start = new Start(folder.path, {
      DATABASE_URL: `mysql://portico:secret@127.0.0.1:${freePort()}/portico`,
      REDIS_URL: `redis://127.0.0.1:${freePort()}`,
      HTTP_WORKERS: "2",
      RPC_WORKERS: "2",
    });
    await start.waitFor(/waiting for MySQL/);
    await eventually("HTTP listens", async () => start.workers("http").length === 2);
    start.kill("SIGTERM");
    expect(await start.exited()).toBe(0);
    expect(start.output.match(/"tier":"http".*"msg":"closing"/g)).toHaveLength(2);
    expect(start.output.match(/"tier":"tcp".*"msg":"closing"/g)).toHaveLength(1);
    expect(start.output).not.toContain("cannot start");
  });

  test("leaves no worker behind, even if it is killed", async () => {
    await using folder = await Folder.make();
    await using start = new Start(folder.path, { HTTP_WORKERS: "2" });
    await start.running();
    start.kill("SIGKILL");
    // The workers write to the same pipe, so it ends when they have ended.
    await start.exited();
    expect(start.output.match(/"msg":"closed"/g)).toHaveLength(3);
    await expect(fetch(start.url)).rejects.toThrow();
  });
});
