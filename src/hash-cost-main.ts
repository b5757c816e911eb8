// Finds the strongest PASSWORD_HASH that this machine can afford. `bun run hash-cost --help`

import { availableParallelism, totalmem } from "node:os";
import { HELP } from "./cli/help.ts";
import { count, table } from "./cli/layout.ts";
import { ExitCode, exitAsMisunderstood, optionsOrExit, print, UsageError } from "./cli/usage.ts";
import { parseWhole } from "./config/values.ts";
import { type HashCost, type MeasuredCost, strongestCost } from "./user/hash-cost.ts";
import { Passwords } from "./user/password.ts";

const MAX_PER_SECOND = 1_000_000;
const MEASURE_MS = 500;
const CORES = availableParallelism();
/** As many as `HashQueue` begins at once. */
const AT_ONCE = 2 * CORES;
/** Hashes may take this share of the memory. */
const MEMORY_SHARE = 0.25;

/** @returns hashes per second, on all cores, at the priority that hashing has in a server */
async function measure({ memoryKib, passes }: HashCost): Promise<number> {
  const passwords = new Passwords({ name: "argon2id", memoryKib, passes, lanes: 1 });
  const call = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
  const hash = () => passwords.hash("hopper1906", call);
  // The first hashes start threads and get memory.
  await Promise.all(Array.from({ length: AT_ONCE }, hash));
  const beganAtMs = performance.now();
  let hashes = 0;
  const hashOn = async () => {
    while (performance.now() - beganAtMs < MEASURE_MS) {
      await hash();
      hashes++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hashOn));
  return hashes / ((performance.now() - beganAtMs) / 1000);
}

function textOf({ memoryKib, passes }: HashCost): string {
  return `argon2id:m=${memoryKib},t=${passes},p=1`;
}

function tableOf(measured: readonly MeasuredCost[], needed: number): string {
  const head = ["PASSWORD_HASH", "sign-ins/s", "CPU of one", "memory", `reaches ${count(needed)}`];
  const rows = measured.map((cost) => [
    textOf(cost),
    count(cost.hashesPerSecond),
    `${count((CORES * 1000) / cost.hashesPerSecond)} ms`,
    `${count((CORES * cost.memoryKib) / 1024)} MiB`,
    cost.hashesPerSecond >= needed ? "yes" : "no",
  ]);
  return table([head, ...rows], "  ");
}

async function findCost(needed: number): Promise<number> {
  console.error(`Measuring argon2id on ${CORES} cores. It takes some seconds; run nothing else.`);
  const maxMemoryKib = (totalmem() / 1024 / CORES) * MEMORY_SHARE;
  const { measured, strongest } = await strongestCost({ needed, maxMemoryKib, measure });
  await print(`${tableOf(measured, needed)}\n`);
  if (strongest) {
    await print(
      `The strongest for ${count(needed)} sign-ins/s: PASSWORD_HASH=${textOf(strongest)}`,
    );
    return 0;
  }
  await print(
    `No cost that OWASP allows reaches ${count(needed)} sign-ins/s: use more cores or machines`,
  );
  return ExitCode.negative;
}

function parseNeeded(value: string | undefined): number {
  const option = "--sign-ins-per-second";
  if (value === undefined)
    throw new UsageError(`${option} is missing: bun run hash-cost ${option} 50`);
  try {
    return parseWhole(value, 1, MAX_PER_SECOND);
  } catch (error) {
    throw new UsageError(`${option} ${error instanceof Error ? error.message : error}`);
  }
}

export async function main(): Promise<void> {
  const options = await optionsOrExit("hash-cost", HELP["hash-cost"], {
    "sign-ins-per-second": { type: "string" },
  });
  try {
    process.exitCode = await findCost(parseNeeded(options["sign-ins-per-second"]));
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

if (import.meta.main) await main();
