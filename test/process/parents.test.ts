import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Folder, ROOT } from "../child.ts";
import { freeze } from "../freeze.ts";
import { freePort } from "../ports.ts";
import { eventually } from "../storage-pairs.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

// The tiers end with the process that started them, however it ends, and with no other.

const BUN = process.execPath;
/** An npx that finds Bun without a network. npx does not pass signals on. */
const NPX_BUN = ["npx", "--yes", "--offline", "bun", "run"];
const hasNpx = Bun.which("npx") !== null && Bun.spawnSync([...NPX_BUN, "--help"]).success;

/** A runner of package.json's scripts, and the signals that it does not pass on. */
const RUNNERS: readonly { name: string; command: readonly string[]; signals: NodeJS.Signals[] }[] =
  [
    { name: "bun run", command: [BUN, "run"], signals: ["SIGKILL"] },
    ...(hasNpx
      ? [{ name: "npx bun run", command: NPX_BUN, signals: ["SIGTERM", "SIGKILL"] as const }]
      : []
    ).map(({ signals, ...runner }) => ({ ...runner, signals: [...signals] })),
  ];

interface Site extends AsyncDisposable {
  readonly environment: Record<string, string>;
  readonly httpPort: number;
  readonly rpcPort: number;
  /** The output of all its processes. */
  output(): string;
  /** Run it in the background of a shell that ends at once. */
  run(command: readonly string[]): Promise<number>;
  /** The pids that the tiers have logged. */
  pids(tier?: "http" | "tcp"): number[];
  alive(): number[];
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

async function makeSite(): Promise<Site> {
  const folder = await Folder.make();
  const log = join(folder.path, "log");
  const [httpPort, rpcPort] = [freePort(), freePort()];
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    DATA_DIR: folder.path,
    HTTP_PORT: `${httpPort}`,
    RPC_PORT: `${rpcPort}`,
    RPC_ADDRESSES: `127.0.0.1:${rpcPort}`,
    LOG_LEVEL: "info",
    STORAGE: "embedded",
  };
  const started = new Set<number>();
  const output = () => {
    try {
      return readFileSync(log, "utf8");
    } catch {
      return "";
    }
  };
  const pids = (tier = "\\w+") => {
    const line = new RegExp(`"tier":"${tier}".*"pid":(\\d+)`, "g");
    return [...output().matchAll(line)].map(([, pid]) => Number(pid));
  };
  const site: Site = {
    environment,
    httpPort,
    rpcPort,
    output,
    async run(command) {
      const shell = Bun.spawn(
        ["sh", "-c", '"$@" < /dev/null >> "$0" 2>&1 & echo $!', log, ...command],
        {
          cwd: ROOT,
          env: environment,
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const pid = Number(await new Response(shell.stdout).text());
      await shell.exited;
      started.add(pid);
      return pid;
    },
    pids,
    alive: () => pids().filter(isAlive),
    async [Symbol.asyncDispose]() {
      for (const pid of [...started, ...pids()]) if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
  return site;
}

const isFree = async (port: number): Promise<boolean> => {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
};

const bothListen = (site: Site) =>
  eventually("both tiers listen", async () => site.output().match(/"listening"/g)?.length === 2);

const allEnded = (site: Site) =>
  eventually("all have ended and their ports are free", async () => {
    const areFree = await Promise.all([isFree(site.httpPort), isFree(site.rpcPort)]);
    return site.alive().length === 0 && areFree.every(Boolean);
  });

describe.each(RUNNERS)("$name", ({ command, signals }) => {
  for (const script of ["start", "dev"]) {
    for (const signal of signals) {
      test(`${script}: nothing is left after ${signal} to it`, async () => {
        await using site = await makeSite();
        const runner = await site.run([...command, script]);
        await bothListen(site);
        process.kill(runner, signal);
        await allEnded(site);
        expect(site.output().match(/"closed"/g)).toHaveLength(2);
      });
    }
  }

  test("start:tcp and start:http: nothing is left after SIGKILL", async () => {
    await using site = await makeSite();
    const runners = [
      await site.run([...command, "start:tcp"]),
      await site.run([...command, "start:http"]),
    ];
    await bothListen(site);
    for (const runner of runners) process.kill(runner, "SIGKILL");
    await allEnded(site);
  });
});

describe("a script by itself, without a runner", () => {
  const MAINS = { start: "src/start-main.ts", dev: "src/dev-main.ts" };

  for (const [name, main] of Object.entries(MAINS)) {
    test.concurrent(`${name}: nothing is left after SIGKILL to it, also of a tier that is stopped`, async () => {
      await using site = await makeSite();
      const parent = await site.run([BUN, main]);
      await bothListen(site);
      await freeze(site.pids("tcp")[0] ?? Number.NaN);
      process.kill(parent, "SIGKILL");
      await allEnded(site);
      // The other one was not killed: it noticed that its parent is gone.
      expect(site.output().match(/"closed"/g)).toHaveLength(1);
    });
  }

  test.concurrent("both tiers live on when the shell that started them ends", async () => {
    await using site = await makeSite();
    await site.run([BUN, "src/tcp-main.ts"]);
    await site.run(["nohup", BUN, "run", "start:http"]);
    await bothListen(site);
    const wasAlive = site.alive();
    await Bun.sleep(2000);
    expect(site.alive()).toEqual(wasAlive);
    expect((await fetch(`http://127.0.0.1:${site.httpPort}/signIn.html`)).status).toBe(200);
  });

  test.concurrent("a tier that another npm script started in the background lives on when the script ends", async () => {
    await using site = await makeSite();
    // As in a script named "deploy" that starts a tier in the background.
    const environment = { npm_lifecycle_event: "deploy", npm_command: "run-script" };
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const script = `"$0" src/tcp-main.ts & "$0" src/http-main.ts & sleep 1`;
    await site.run(["env", ...variables, "sh", "-c", script, BUN]);
    await bothListen(site);
    await Bun.sleep(2000);
    expect(site.alive()).toHaveLength(2);
  });
});
