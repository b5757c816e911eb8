// Counts what a process holds, for tests that look for leaks.
import { heapStats } from "bun:jsc";
import { eventually } from "./stack.ts";

export interface Census {
  readonly sockets: number;
  readonly timers: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
}

/** The collector is conservative: an object that a register points at counts as alive. */
const SLACK = 10;

/** Run a full collection, then count the sockets and timers that are alive. */
export function takeCensus(): Census {
  Bun.gc(true);
  const { TCPSocket = 0, TLSSocket = 0, Timeout = 0 } = heapStats().objectTypeCounts;
  return {
    sockets: TCPSocket + TLSSocket,
    timers: Timeout,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** Wait until the process holds no more than `before`; memory may grow by `maxGrowthBytes`. */
export async function expectCensusBack(before: Census, maxGrowthBytes: number): Promise<Census> {
  let now = takeCensus();
  const isBack = () => {
    now = takeCensus();
    return (
      now.sockets <= before.sockets + SLACK &&
      now.timers <= before.timers + SLACK &&
      now.residentBytes <= before.residentBytes + maxGrowthBytes
    );
  };
  await eventually(isBack, 10_000).catch((cause: unknown) => {
    const [held, wanted] = [JSON.stringify(now), JSON.stringify(before)];
    throw new Error(`Cannot let go: holds ${held}, began with ${wanted}`, { cause });
  });
  return now;
}
