// `bun run soak --minutes N`: two TCP servers are restarted in turn, gracefully and by force, under
// a mix of calls. Every call must end once, in time, with a reply or a known error. At the end,
// sockets, timers and memory must be back where they began, and this process must end by itself.
import { readdir, readlink } from "node:fs/promises";
import { exitAsMisunderstood, optionsOrExit, UsageError } from "../../src/cli/usage.ts";
import { Balancer } from "../../src/rpc/client/balancer.ts";
import { expectCensusBack, takeCensus } from "../../src/rpc/testing/census.ts";
import { Ledger } from "../../src/rpc/testing/ledger.ts";
import { Folder } from "../child.ts";
import { RpcLoad } from "./rpc-load.ts";
import { TcpServer } from "./tcp-server.ts";

const WORKERS = 32;
const UP_MS = 700;
const TELL_EVERY_MS = 10_000;
/** How late a call may end on a busy machine. */
const NOISE_MS = 5000;
const MAX_GROWTH_BYTES = 192 * 1024 * 1024;
const SETTLE_MS = 10_000;

/** The open sockets of a process, from /proc. */
async function openSockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.allSettled(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`)),
  );
  return targets.filter((each) => each.status === "fulfilled" && each.value.startsWith("socket:"))
    .length;
}

/** Wait until a process has at most `wanted` open sockets. Returns how many more it still has. */
async function leftOverSockets(pid: number, wanted: number): Promise<number> {
  const giveUpAt = performance.now() + SETTLE_MS;
  for (;;) {
    const leftOver = Math.max(0, (await openSockets(pid)) - wanted);
    if (leftOver === 0 || performance.now() > giveUpAt) return leftOver;
    await Bun.sleep(50);
  }
}

/** Restart the servers in turn until `endsAt`. Returns the number of restarts. */
async function restartInTurn(servers: readonly TcpServer[], endsAt: number): Promise<number> {
  let restarts = 0;
  while (performance.now() < endsAt) {
    const server = servers[restarts % servers.length];
    // Each server both ways: by force, by force, gracefully, gracefully.
    const signal = restarts % 4 < 2 ? "SIGKILL" : "SIGTERM";
    const exitCode = await server?.end(signal);
    if (signal === "SIGTERM" && exitCode !== 0) throw new Error(`It ended with ${exitCode}`);
    await server?.start();
    restarts++;
    await Bun.sleep(UP_MS);
  }
  return restarts;
}

async function soak(durationMs: number): Promise<boolean> {
  await using folder = await Folder.make();
  const before = takeCensus();
  const socketsBefore = await openSockets(process.pid);
  const servers = [new TcpServer(folder.path), new TcpServer(folder.path)];
  await using cleanup = new AsyncDisposableStack();
  for (const server of servers) cleanup.use(server);
  for (const server of servers) await server.start();
  const freshSockets = await Promise.all(servers.map(({ pid }) => openSockets(pid)));

  const addresses = servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  const ledger = new Ledger();
  const balancer = new Balancer(addresses, undefined, {}, [ledger.interceptor]);
  const load = new RpcLoad(balancer);
  const tell = setInterval(() => {
    const megabytes = Math.round(process.memoryUsage.rss() / 1e6);
    console.log(`${load.report.begun} calls, ${megabytes} MB`, load.report.outcomes);
  }, TELL_EVERY_MS);
  const work = load.run(WORKERS);
  const restarts = await restartInTurn(servers, performance.now() + durationMs);
  load.stop();
  await work;
  clearInterval(tell);
  balancer.close();
  const leftOnServers = await Promise.all(
    servers.map(({ pid }, index) => leftOverSockets(pid, freshSockets[index] ?? 0)),
  );
  await cleanup.disposeAsync();
  const leftSockets = await leftOverSockets(process.pid, socketsBefore);
  const after = await expectCensusBack(before, MAX_GROWTH_BYTES);

  const { report } = load;
  const isGood =
    report.violations.length === 0 &&
    report.begun === report.ended &&
    report.begun === ledger.begun &&
    report.ended === ledger.ended &&
    ledger.endedAgain.length === 0 &&
    report.maxOverrunMs <= NOISE_MS &&
    Object.keys(report.outcomes).includes("ok") &&
    leftSockets === 0 &&
    leftOnServers.every((count) => count === 0);
  const endedAgain = ledger.endedAgain.length;
  const left = { leftSockets, leftOnServers };
  console.log(JSON.stringify({ isGood, restarts, ...report, endedAgain, ...left }));
  console.log(JSON.stringify({ before, after }));
  return isGood;
}

const HELP = `Restart two TCP servers in turn under a mix of calls, and look for what is lost.

  bun run soak --minutes N    for so long; or --seconds N, 20 if neither is given

Exit code: 0 if every call ended as it should and nothing was left behind, else 1.`;

const values = await optionsOrExit("soak", HELP, {
  minutes: { type: "string" },
  seconds: { type: "string" },
});
const seconds = Number(values.seconds ?? 20);
const durationMs = 1000 * (values.minutes === undefined ? seconds : 60 * Number(values.minutes));
if (!(durationMs > 0)) {
  exitAsMisunderstood(new UsageError("--minutes or --seconds must be a number over 0"));
}
// No process.exit() here: anything that keeps this process alive is a leak.
process.exitCode = (await soak(durationMs)) ? 0 : 1;
