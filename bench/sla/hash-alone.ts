import { join } from "node:path";
import type { Round } from "../report/results.ts";
import { run } from "../run.ts";
import type { HashRate } from "./hash-main.ts";

/** How many passwords this machine can verify where it does nothing else. */
export async function hashAlone(passwordHash: string, seconds: number): Promise<Round> {
  const script = join(import.meta.dir, "hash-main.ts");
  const rate: HashRate = JSON.parse(
    await run([process.execPath, script, passwordHash, `${seconds}`]),
  );
  const { tookMs } = rate;
  const quantile = (part: number) => tookMs[Math.floor(part * (tookMs.length - 1))] ?? 0;
  return {
    seconds: rate.seconds,
    requests: tookMs.length,
    errors: 0,
    refused: 0,
    checked: tookMs.length,
    wrong: 0,
    latencyMs: {
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      p999: quantile(0.999),
      max: quantile(1),
    },
    cpuSeconds: { argon2id: rate.cpuSeconds },
    memoryBytes: { argon2id: rate.memoryBytes },
  };
}
