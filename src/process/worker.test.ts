import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { eventually } from "../../test/storage-pairs.ts";
import type { Log } from "../rpc/log.ts";
import { Worker } from "./worker.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** A worker whose script is `code`, and what it has logged. */
async function workerOf(folder: Folder, code: string, drainDelayMs = 0) {
  await Bun.write(join(folder.path, "tier.ts"), code);
  const logged: object[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: unknown) => void logged.push(Object(fields)),
    isLevelEnabled: () => true,
  };
  const options = { script: "tier.ts", root: folder.path, environment: process.env, drainDelayMs };
  return { worker: new Worker(options, log), logged };
}

test("a worker that ends repeatedly is started after increasing pauses", async () => {
  await using folder = await Folder.make();
  const starts = join(folder.path, "starts");
  const code = `require("node:fs").appendFileSync(${JSON.stringify(starts)}, "x");
    process.send({ listening: "here" }, () => process.exit(3));`;
  const { worker, logged } = await workerOf(folder, code);
  expect(await worker.start()).toBeUndefined();
  await eventually("it has ended three times", async () => logged.length === 3);
  await worker.stop();
  const ending = { script: "tier.ts", exitCode: 3, signal: null };
  expect(logged).toMatchObject([
    { ...ending, backoffMs: 100 },
    { ...ending, backoffMs: 200 },
    { ...ending, backoffMs: 400 },
  ]);
  // What was stopped in a pause is not started when the pause is over.
  await Bun.sleep(800);
  expect(await Bun.file(starts).text()).toBe("xxx");
});

test("a worker that is still starting takes over settings once it has started", async () => {
  await using folder = await Folder.make();
  const file = (name: string) => join(folder.path, name);
  const { worker } = await workerOf(
    folder,
    `import { createLog } from ${JSON.stringify(join(import.meta.dir, "../telemetry/log.ts"))};
    import { runTier } from ${JSON.stringify(join(import.meta.dir, "lifecycle.ts"))};
    async function start() {
      await Bun.write(${JSON.stringify(file("starting"))}, "");
      while (!(await Bun.file(${JSON.stringify(file("go"))}).exists())) await Bun.sleep(10);
      return { address: "here", close: async () => undefined };
    }
    await runTier(createLog("test", "silent", false), start, {
      reload(tier, { NAME }) {
        void Bun.write(${JSON.stringify(file("reloaded"))}, tier.address + NAME);
        return [];
      },
    });`,
  );
  const started = worker.start();
  await eventually("it is starting", () => Bun.file(file("starting")).exists());
  await worker.reload({ ...process.env, NAME: " is new" });
  await Bun.write(file("go"), "");
  expect(await started).toBeUndefined();
  await eventually("it has reloaded", () => Bun.file(file("reloaded")).exists());
  expect(await Bun.file(file("reloaded")).text()).toBe("here is new");
  await worker.stop();
});

test("a worker that ends before it listens is not started again", async () => {
  await using folder = await Folder.make();
  const { worker, logged } = await workerOf(folder, "process.exit(3);");
  expect(await worker.start()).toMatchObject({ exitCode: 3, signal: null });
  await Bun.sleep(300);
  expect(logged).toEqual([]);
});

test("a worker that hangs is killed; a worker that listens late or misses a few beats is not", async () => {
  await using folder = await Folder.make();
  await using another = await Folder.make();
  const spinning = await workerOf(
    folder,
    'process.send({ listening: "here" }); setTimeout(() => { for (;;); }, 100);',
  );
  const late = await workerOf(
    another,
    `const beat = () => process.send({ beat: true });
    beat();
    Bun.sleepSync(7000);
    process.send({ listening: "here" });
    setInterval(beat, 500);`,
  );
  await using third = await Folder.make();
  const stubborn = await workerOf(
    third,
    `process.on("SIGTERM", () => undefined);
    process.send({ listening: "here" });
    setInterval(() => process.send({ beat: true }), 500);`,
  );
  expect(await stubborn.worker.start()).toBeUndefined();
  // It is killed in the end, though it answers.
  const stopped = stubborn.worker.stop();
  await using fourth = await Folder.make();
  const ended = join(fourth.path, "ended");
  const delayed = await workerOf(
    fourth,
    `process.on("SIGTERM", () => setTimeout(() => {
      require("node:fs").writeFileSync(${JSON.stringify(ended)}, "by itself");
      process.exit(0);
    }, 15_000));
    process.send({ listening: "here" });
    setInterval(() => process.send({ beat: true }), 500);`,
    60_000,
  );
  expect(await delayed.worker.start()).toBeUndefined();
  const delayedStopped = delayed.worker.stop();
  const started = late.worker.start();
  expect(await spinning.worker.start()).toBeUndefined();
  await eventually("it was killed", async () => spinning.logged.length === 1);
  expect(spinning.logged).toMatchObject([{ signal: "SIGKILL", exitCode: null }]);
  await spinning.worker.stop();
  expect(await started).toBeUndefined();
  // This process stands still itself: the beats of the worker wait to be read.
  Bun.sleepSync(6000);
  await Bun.sleep(1000);
  await late.worker.stop();
  expect(late.logged).toEqual([]);
  await delayedStopped;
  // The delay of its drain is added to the limit, which is 13 s.
  expect(await Bun.file(ended).text()).toBe("by itself");
  await stopped;
  expect(stubborn.logged).toEqual([]);
});
