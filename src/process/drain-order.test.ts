import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { TierProcess } from "./tier-process.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Longer than a tier waits for a word of its parent. */
const SILENCE_MS = 2000;

async function tierIn(folder: Folder): Promise<TierProcess> {
  const file = (path: string) => JSON.stringify(join(import.meta.dir, path));
  const code = `import { createLog } from ${file("../telemetry/log.ts")};
    import { runTier } from ${file("lifecycle.ts")};
    const start = async () => ({ address: "here", close: async () => undefined });
    await runTier(createLog("test", "silent", false), start, { drainDelayMs: 60_000 });`;
  await Bun.write(join(folder.path, "tier.ts"), code);
  const tier = new TierProcess({
    script: "tier.ts",
    root: folder.path,
    environment: process.env,
    drainDelayMs: 60_000,
  });
  expect(await tier.listening).toBe("here");
  return tier;
}

test("a signal to a tier that its parent holds ends it only at the word of the parent", async () => {
  await using folder = await Folder.make();
  const tier = await tierIn(folder);
  tier.hold();
  process.kill(tier.pid, "SIGTERM");
  process.kill(tier.pid, "SIGINT");
  const first = await Promise.race([tier.ended, Bun.sleep(SILENCE_MS)]);
  expect(first).toBeUndefined();
  await tier.stop("now");
  expect(await tier.ended).toMatchObject({ exitCode: 0 });
});

test("a signal to a tier whose parent says nothing drains it", async () => {
  await using folder = await Folder.make();
  const tier = await tierIn(folder);
  process.kill(tier.pid, "SIGTERM");
  await Bun.sleep(SILENCE_MS);
  expect(await tier.ask("readiness")).toEqual(["draining"]);
  await tier.stop("now");
  expect(await tier.ended).toMatchObject({ exitCode: 0 });
});
