import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism, getPriority } from "node:os";
import { hash as argon2Hash } from "@node-rs/argon2";
import { HashQueue } from "./hash-queue.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const call = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const TASKS = "/proc/self/task";

test.skipIf(!existsSync(TASKS))("threads that hash get the lowest priority", async () => {
  const queue = new HashQueue();
  const hashOnce = () => argon2Hash("hopper1906", { memoryCost: 2048, timeCost: 1 });
  const hashes = (count: number) =>
    Promise.all(Array.from({ length: count }, () => queue.run(call, hashOnce)));
  await hashes(4 * availableParallelism());
  await Bun.sleep(300);
  await hashes(1);
  const threads = readdirSync(TASKS).filter((task) =>
    readFileSync(`${TASKS}/${task}/comm`, "utf8").startsWith("Bun Pool"),
  );
  expect(threads.length).toBeGreaterThan(0);
  expect(threads.map((thread) => getPriority(Number(thread)))).toEqual(threads.map(() => 19));
  expect(getPriority(process.pid)).toBeLessThan(19);
});
