// What a process holds, so that tests can see that it lets go of it.
import { heapStats } from "bun:jsc";
import { eventually } from "./stack.ts";

export interface Census {
  readonly sockets: number;
  readonly timers: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
}

/** The collector is conservative: what a register still points at counts as alive. */
const SLACK = 10;

/** Count the sockets and timers that are alive after a full collection. */
export function takeCensus(): Census {
  Bun.gc(true);
  const { TCPSocket = 0, TLSSocket = 0, Timeout = 0 } = heapStats().objectTypeCounts;
  return {
    sockets: TCPSocket + TLSSocket,
    timers: Timeout,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** Wait until no more is held than at `before`; memory may have grown by `maxGrowthBytes`. */
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
