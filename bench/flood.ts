// `bun bench/flood.ts`: how a flood of wrong sign-ins slows down the others. Both tiers run as in
// production, on the embedded storage. The floods take turns with quiet times. The attacker is a
// process of its own.

import { Child, Folder, startHttp, startTcp } from "../test/child.ts";
import { coreTime, cpuSeconds, TICKS_PER_SECOND } from "./sla/usage.ts";
import { median } from "./statistics.ts";

const ROUNDS = 7;
const PHASE_MS = 3_000;
const CONNECTIONS = 32;
const ACCOUNTS = 40;
const PASSWORD = "hopper1906";
const ATTACKS = [
  { addresses: 0, connections: 0 },
  { addresses: 1, connections: 32 },
  { addresses: 1, connections: 256 },
  { addresses: 32, connections: 32 },
];

await using folder = await Folder.make();
const environment = { STORAGE: "embedded", LOG_LEVEL: "info", TRUSTED_PROXIES: "loopback" };
await using tcp = startTcp(folder.path, environment);
await using http = startHttp(folder.path, await tcp.listening(), environment);
const url = await http.listening();

async function post(path: string, address: string, username: string) {
  const response = await fetch(`${url}/api/entrytask/user/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Forwarded-For": address },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  await response.text();
  return response;
}

/** Run something over and over, on several connections. @returns how long each took, sorted */
async function load(connections: number, run: () => Promise<unknown>) {
  const endsAtMs = performance.now() + PHASE_MS;
  const timesMs: number[] = [];
  const one = async () => {
    while (performance.now() < endsAtMs) {
      const startedAtMs = performance.now();
      await run();
      timesMs.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return timesMs.toSorted((a, b) => a - b);
}

while (!(await post("signup", "198.51.100.1", "user0").catch(() => undefined))?.ok) {
  await Bun.sleep(100);
}
for (let n = 1; n < ACCOUNTS; n++) await post("signup", `198.51.${n}.1`, `user${n}`);
const signedIn = await post("signin", "198.51.100.1", "user0");
const headers = { Cookie: signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
const readInfo = () =>
  fetch(`${url}/api/entrytask/user/get_user_info`, { headers }).then((answer) => answer.text());
const signIn = () => post("signin", "198.51.100.9", "user1");

/** Begin an attack from addresses that are new for each one. Without any, it does nothing. */
async function begin({ addresses, connections }: (typeof ATTACKS)[number], network: number) {
  const args = [url, connections, addresses, network, ACCOUNTS].map(String);
  const child = new Child("bench/flood-attack.ts", { args });
  const attack = { child, answers: () => Number(child.output.trim().split("\n").at(-1)) };
  // An address is refused after its first 50 failures.
  const enough = addresses === 1 ? 60 : addresses;
  while (attack.answers() < enough) await Bun.sleep(50);
  return attack;
}

let attacks = 0;
const results = ATTACKS.map((attack) => ({ attack, rounds: [] as number[][] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const { attack, rounds } of round % 2 === 0 ? results : results.toReversed()) {
    const { child, answers } = await begin(attack, attacks++);
    await using _ = child;
    const infoMs = await load(CONNECTIONS, readInfo);
    const pids = [process, tcp, http, child].map(({ pid }) => pid);
    const before = { ...coreTime(), own: pids.map(cpuSeconds), answers: answers() };
    const begunAtMs = performance.now();
    const signInMs = await load(1, signIn);
    const seconds = (performance.now() - begunAtMs) / 1_000;
    const rate = (answers() - before.answers) / seconds;
    const { idle, all } = coreTime();
    const own = pids.map(cpuSeconds).map((each, index) => each - (before.own[index] ?? 0));
    const ownTicks = own.reduce((sum, each) => sum + each, 0) * TICKS_PER_SECOND;
    const others = (all - before.all - (idle - before.idle) - ownTicks) / (all - before.all);
    const p95 = infoMs[Math.floor(infoMs.length * 0.95)] ?? Number.NaN;
    rounds.push([p95, median(signInMs) ?? Number.NaN, rate, (own.at(-1) ?? 0) / seconds, others]);
  }
}

const COLUMNS = [
  "attacking addresses",
  "connections",
  "answers to them a second",
  "CPU time of the attacker, % of a core",
  "CPU time of other programs, % of all",
  "user info, p95, ms",
  "other sign-ins, ms",
  "times",
];
console.log(`| ${COLUMNS.join(" | ")} |\n|${" ---: |".repeat(COLUMNS.length)}`);
const quiet = results[0]?.rounds ?? [];
for (const { attack, rounds } of results) {
  const [infoMs = 0, signInMs = 0, rate = 0, attacker = 0, others = 0] = [0, 1, 2, 3, 4].map(
    (column) => median(rounds.map((row) => row[column])),
  );
  const ratio = median(rounds.map((row, round) => (row[1] ?? 0) / (quiet[round]?.[1] ?? 0))) ?? 0;
  const cells = [rate, 100 * attacker, 100 * others, infoMs, signInMs].map((n) => n.toFixed(0));
  console.log(
    `| ${[attack.addresses, attack.connections, ...cells, ratio.toFixed(1)].join(" | ")} |`,
  );
}
