// Calls one contender in rounds. Its parent process asks for each round.

import { PROFILE } from "./contender.ts";
import { contenderOf } from "./contenders.ts";

export interface Round {
  readonly inFlight: number;
  readonly durationMs: number;
}

export interface RoundResult {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system time of the client process. */
  readonly cpuUsPerCall: number;
}

const [name, port] = process.argv.slice(2);
const call = await contenderOf(name).connect(Number(port));

async function measure({ inFlight, durationMs }: Round): Promise<RoundResult> {
  const latenciesMs: number[] = [];
  const begunAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const loop = async () => {
    while (performance.now() - begunAt < durationMs) {
      const calledAt = performance.now();
      if ((await call()) !== PROFILE.username)
        throw new Error(`Cannot measure ${name}: wrong reply`);
      latenciesMs.push(performance.now() - calledAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  const seconds = (performance.now() - begunAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  latenciesMs.sort((one, other) => one - other);
  const quantile = (q: number) => latenciesMs[Math.floor(q * (latenciesMs.length - 1))] ?? 0;
  return {
    callsPerSecond: latenciesMs.length / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    cpuUsPerCall: (user + system) / latenciesMs.length,
  };
}

process.on("message", async (round: Round) => process.send?.(await measure(round)));
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
