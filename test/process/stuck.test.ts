import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Child, Folder } from "../child.ts";
import { freeze } from "../freeze.ts";
import { freePort } from "../ports.ts";
import { eventually } from "../storage-pairs.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

/** Longer than a tier may be silent, and shorter than a stop may take. */
const MAX_STOP_MS = 30_000;

function both(script: "start" | "dev", dataDir: string, environment: Record<string, string> = {}) {
  return new Child(`src/${script}-main.ts`, {
    environment: {
      DATA_DIR: dataDir,
      HTTP_PORT: `${freePort()}`,
      RPC_PORT: `${freePort()}`,
      LOG_LEVEL: "info",
      ...environment,
    },
  });
}

function pidsOf({ output }: Child, tier: "http" | "tcp"): number[] {
  const listening = new RegExp(`"tier":"${tier}".*"pid":(\\d+).*"listening"`, "g");
  return [...output.matchAll(listening)].map(([, pid]) => Number(pid));
}

async function endsIn(child: Child): Promise<number> {
  const begunAt = performance.now();
  child.kill("SIGTERM");
  expect(await child.exited()).toBe(0);
  return performance.now() - begunAt;
}

describe("bun run start", () => {
  for (const tier of ["http", "tcp"] as const) {
    test.concurrent(`replaces a worker of the ${tier} tier that stands still`, async () => {
      await using folder = await Folder.make();
      await using start = both("start", folder.path, { HTTP_WORKERS: "2" });
      await start.waitFor(/both tiers are running/);
      const before = pidsOf(start, tier);
      await freeze(before[0] ?? Number.NaN);
      await start.waitFor(/"signal":"SIGKILL".*did not answer and was killed: starting another/);
      await eventually("another listens", async () => {
        return pidsOf(start, tier).length === before.length + 1;
      });
      // The other workers are left alone: the tier has started exactly one more.
      expect(start.output.match(/starting another/g)).toHaveLength(1);
    });
  }

  for (const tier of ["http", "tcp"] as const) {
    test.concurrent(`ends on SIGTERM while the ${tier} tier stands still`, async () => {
      await using folder = await Folder.make();
      await using start = both("start", folder.path);
      await start.waitFor(/both tiers are running/);
      await freeze(pidsOf(start, tier)[0] ?? Number.NaN);
      expect(await endsIn(start)).toBeLessThan(MAX_STOP_MS);
    });
  }

  test.concurrent("kills no worker after the parent itself was stopped", async () => {
    await using folder = await Folder.make();
    await using start = both("start", folder.path);
    await start.waitFor(/both tiers are running/);
    // As on a machine that was suspended: the parent resumes last.
    const pids = [start.pid, ...pidsOf(start, "http"), ...pidsOf(start, "tcp")];
    for (const pid of pids) await freeze(pid);
    await Bun.sleep(8000);
    for (const pid of pids.reverse()) process.kill(pid, "SIGCONT");
    await Bun.sleep(2000);
    expect(start.output).not.toContain("starting another");
    expect(await endsIn(start)).toBeLessThan(MAX_STOP_MS);
  });
});

test.concurrent("bun run dev ends on SIGTERM while a tier is stopped", async () => {
  await using folder = await Folder.make();
  await using dev = both("dev", folder.path);
  await dev.waitFor(/Portico is running/);
  await freeze(pidsOf(dev, "tcp")[0] ?? Number.NaN);
  expect(await endsIn(dev)).toBeLessThan(MAX_STOP_MS);
});
