// `bun bench/flood.ts`: how wrong sign-ins over 32 connections slow down the others. Both tiers run
// as in production, on the embedded storage, and take turns with quiet ones.

import { Folder, startHttp, startTcp } from "../test/child.ts";

const ROUNDS = 7;
const CONNECTIONS = 32;
const PHASE_MS = 3_000;
const ACCOUNTS = 40;
const PASSWORD = "hopper1906";

await using folder = await Folder.make();
const environment = { STORAGE: "embedded", LOG_LEVEL: "info", TRUSTED_PROXIES: "loopback" };
await using tcp = startTcp(folder.path, environment);
await using http = startHttp(folder.path, await tcp.listening(), environment);
const url = await http.listening();

async function post(path: string, address: string, username: string, password: string) {
  const response = await fetch(`${url}/api/entrytask/user/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Forwarded-For": address },
    body: JSON.stringify({ username, password }),
  });
  await response.text();
  return response;
}

/** Run something over and over, on several connections. @returns how long each took, sorted */
async function load(connections: number, run: (connection: number) => Promise<unknown>) {
  const endsAtMs = performance.now() + PHASE_MS;
  const timesMs: number[] = [];
  const one = async (connection: number) => {
    while (performance.now() < endsAtMs) {
      const startedAtMs = performance.now();
      await run(connection);
      timesMs.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => one(connection)));
  return timesMs.toSorted((a, b) => a - b);
}

const quantile = (sorted: readonly number[], part: number) =>
  sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
const median = (values: readonly number[]) =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

while (!(await post("signup", "198.51.100.1", "user0", PASSWORD).catch(() => undefined))?.ok) {
  await Bun.sleep(100);
}
for (let n = 1; n < ACCOUNTS; n++) await post("signup", `198.51.${n}.1`, `user${n}`, PASSWORD);
const signedIn = await post("signin", "198.51.100.1", "user0", PASSWORD);
const headers = { Cookie: signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
const readInfo = () =>
  fetch(`${url}/api/entrytask/user/get_user_info`, { headers }).then((answer) => answer.text());

let floods = 0;
/** Wrong sign-ins from addresses that are new for each flood. */
function flood(addresses: number) {
  const network = floods++;
  let guesses = 0;
  return load(addresses === 0 ? 0 : CONNECTIONS, (connection) => {
    const address = `203.${network}.${connection % addresses}.7`;
    return post("signin", address, `user${guesses++ % ACCOUNTS}`, "wrong-pass");
  });
}

console.log("| attacking addresses | user info, p95, ms | other sign-ins, ms | times |");
console.log("| --- | ---: | ---: | ---: |");
const results = new Map([0, 1, CONNECTIONS].map((from) => [from, [] as number[][]]));
for (let round = 0; round < ROUNDS; round++) {
  const turns = round % 2 === 0 ? [...results] : [...results].reverse();
  for (const [addresses, rounds] of turns) {
    const [infoMs] = await Promise.all([load(CONNECTIONS, readInfo), flood(addresses)]);
    const honest = () => post("signin", "198.51.100.9", "user1", PASSWORD);
    const [signInMs] = await Promise.all([load(1, honest), flood(addresses)]);
    rounds.push([quantile(infoMs, 0.95), median(signInMs)]);
  }
}
for (const [addresses, rounds] of results) {
  const quiet = results.get(0) ?? [];
  const [infoMs, signInMs] = [0, 1].map((column) => median(rounds.map((row) => row[column] ?? 0)));
  const ratio = median(rounds.map((row, round) => (row[1] ?? 0) / (quiet[round]?.[1] ?? 0)));
  const times = addresses === 0 ? "" : ratio.toFixed(1);
  console.log(`| ${addresses} | ${infoMs?.toFixed(0)} | ${signInMs?.toFixed(0)} | ${times} |`);
}
