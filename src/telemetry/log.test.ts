import { expect, test } from "bun:test";
import { createLog } from "./log.ts";

test("a log counts warnings and errors as they come, and takes another level", () => {
  const log = createLog("test", "silent", false);
  expect(log.counts()).toMatchObject({ warnings: 0, errors: 0 });
  log.setLevel("warn");
  expect([log.isLevelEnabled("info"), log.isLevelEnabled("warn")]).toEqual([false, true]);
  log.warn({ test: true }, "a warning of a test");
  log.warn({ test: true }, "a warning of a test");
  log.error({ test: true }, "an error of a test");
  expect(log.counts()).toMatchObject({ warnings: 2, errors: 1, suppressed: 1 });
});

test("warnings and errors are counted even if the level leaves them out", () => {
  const log = createLog("test", "silent", false);
  log.error({ test: true }, "an error that is not written");
  log.setLevel("error");
  log.warn({ test: true }, "a warning that is not written");
  log.info({ test: true }, "not counted");
  expect(log.counts()).toMatchObject({ warnings: 1, errors: 1, dropped: 0 });
});
