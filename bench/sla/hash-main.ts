// Verifies passwords and does nothing else, as many at once as there are cores: the ceiling of
// sign-ins by argon2id. Arguments: scheme (as in PASSWORD_HASH), seconds. Prints a HashRate.
import { availableParallelism } from "node:os";
import { hash, verify } from "@node-rs/argon2";

export interface HashRate {
  readonly seconds: number;
  /** What each took in milliseconds, sorted. */
  readonly tookMs: readonly number[];
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

const [scheme = "", duration = ""] = process.argv.slice(2);
const [, memoryCost, timeCost, parallelism] = /m=(\d+),t=(\d+),p=(\d+)/.exec(scheme) ?? [];
// argon2id is what the library makes by default.
const stored = await hash("testpassword0", {
  memoryCost: Number(memoryCost),
  timeCost: Number(timeCost),
  parallelism: Number(parallelism),
});

const tookMs: number[] = [];
const cpuBefore = process.cpuUsage();
const beganAtMs = performance.now();
const endsAtMs = beganAtMs + Number(duration) * 1000;

async function verifyUntilTheEnd(): Promise<void> {
  for (let now = performance.now(); now < endsAtMs; ) {
    if (!(await verify(stored, "testpassword0"))) throw new Error("Cannot verify what was hashed");
    const then = performance.now();
    tookMs.push(then - now);
    now = then;
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, verifyUntilTheEnd));
const { user, system } = process.cpuUsage(cpuBefore);
const rate: HashRate = {
  seconds: (performance.now() - beganAtMs) / 1000,
  tookMs: tookMs.toSorted((one, other) => one - other),
  cpuSeconds: (user + system) / 1e6,
  memoryBytes: process.memoryUsage.rss(),
};
console.log(JSON.stringify(rate));
