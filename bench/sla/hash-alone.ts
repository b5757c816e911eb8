// The ceiling of sign-ins with argon2id: a process that only verifies passwords, as many at once as
// there are cores.

import { availableParallelism } from "node:os";
import { hash, verify } from "@node-rs/argon2";
import { run } from "../run.ts";
import type { Round } from "./round.ts";

const PASSWORD = "testpassword0";

/** @param passwordHash as in PASSWORD_HASH */
export async function hashAlone(passwordHash: string, seconds: number): Promise<Round> {
  const command = [process.execPath, import.meta.path, passwordHash, `${seconds}`];
  return JSON.parse(await run(command));
}

async function measure(passwordHash: string, seconds: number): Promise<Round> {
  const [, memoryCost, timeCost, parallelism] = /m=(\d+),t=(\d+),p=(\d+)/.exec(passwordHash) ?? [];
  const stored = await hash(PASSWORD, {
    memoryCost: Number(memoryCost),
    timeCost: Number(timeCost),
    parallelism: Number(parallelism),
  });
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const beganAtMs = performance.now();
  const endsAtMs = beganAtMs + seconds * 1000;
  const verifyUntilTheEnd = async () => {
    for (let now = performance.now(); now < endsAtMs; ) {
      if (!(await verify(stored, PASSWORD))) throw new Error("Cannot verify the hash");
      const then = performance.now();
      latenciesMs.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, verifyUntilTheEnd));
  const tookSeconds = (performance.now() - beganAtMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  latenciesMs.sort((one, other) => one - other);
  const count = latenciesMs.length;
  const quantile = (part: number) => latenciesMs[Math.floor(part * (count - 1))] ?? 0;
  return {
    seconds: tookSeconds,
    requests: count,
    errors: 0,
    refused: 0,
    checked: count,
    wrong: 0,
    latencyMs: {
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      p999: quantile(0.999),
      max: quantile(1),
    },
    cpuSeconds: { argon2id: (user + system) / 1e6 },
    memoryBytes: { argon2id: process.memoryUsage.rss() },
  };
}

if (import.meta.main) {
  const [passwordHash = "", seconds] = process.argv.slice(2);
  console.log(JSON.stringify(await measure(passwordHash, Number(seconds))));
}
