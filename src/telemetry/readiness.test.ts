import { expect, test } from "bun:test";
import { recordingLog } from "../../test/storage-pairs.ts";
import { databaseCheck, Readiness, SharedPing } from "./readiness.ts";

test("checks run at most once a second, however often and by how many it is asked", async () => {
  let checks = 0;
  const check = async () => {
    checks++;
    await Bun.sleep(1);
    return undefined;
  };
  const readiness = new Readiness([check], recordingLog().log);
  const answers = await Promise.all(Array.from({ length: 100 }, () => readiness.reasons()));
  expect(answers.flat()).toEqual([]);
  await readiness.reasons();
  expect(checks).toBe(1);
  await Bun.sleep(1100);
  await readiness.reasons();
  expect(checks).toBe(2);
});

test("each check that fails is a reason; a retired process is draining at once", async () => {
  const { log, messages } = recordingLog();
  const checks = [async () => "one", async () => undefined, async () => "two"];
  const readiness = new Readiness(checks, log);
  expect(await readiness.reasons()).toEqual(["one", "two"]);
  expect(messages).toEqual(["warn not ready"]);
  readiness.retire();
  expect(await readiness.reasons()).toEqual(["draining"]);
});

test("a database that hangs is not ready, and is pinged once", async () => {
  let pings = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const part = new SharedPing({
    database: "MySQL",
    ping() {
      pings++;
      return promise;
    },
  });
  const check = databaseCheck(part);
  expect(await check()).toBe("MySQL: no answer within 700 ms");
  expect(await check()).toBe("MySQL: no answer within 700 ms");
  expect(pings).toBe(1);
  resolve();
  expect(await check()).toBeUndefined();
  expect(await check()).toBeUndefined();
  expect(pings).toBe(2);
});

test("the reason is that of the database", async () => {
  const ping = () => Promise.reject(new Error("Cannot ping MySQL: the server is read-only"));
  const check = databaseCheck(new SharedPing({ database: "MySQL", ping }));
  expect(await check()).toBe("Cannot ping MySQL: the server is read-only");
});

test("refresh() makes isReady new; if a check hangs, it does not wait for it", async () => {
  let answer: Promise<string | undefined> = Promise.resolve("down");
  const readiness = new Readiness([() => answer], recordingLog().log);
  expect(readiness.isReady).toBe(true);
  await readiness.refresh();
  expect(readiness.isReady).toBe(false);
  await Bun.sleep(1100);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  answer = promise;
  await readiness.refresh();
  expect(readiness.isReady).toBe(false);
  resolve(undefined);
  await readiness.reasons();
  expect(readiness.isReady).toBe(true);
  readiness.retire();
  expect(readiness.isReady).toBe(false);
});
