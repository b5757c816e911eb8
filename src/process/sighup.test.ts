import { expect, test } from "bun:test";
import { createLog } from "../telemetry/log.ts";
import { onReload } from "./sighup.ts";

test.skipIf(process.stdout.isTTY)(
  "signals that come during a reload share the next one",
  async () => {
    const before = process.listeners("SIGHUP");
    const ends: (() => void)[] = [];
    onReload(createLog("test", "silent", false), () => {
      const { promise, resolve } = Promise.withResolvers<readonly string[]>();
      ends.push(() => resolve([]));
      return promise;
    });
    try {
      for (let signal = 0; signal < 1000; signal++) process.emit("SIGHUP");
      await Bun.sleep(0);
      for (let signal = 0; signal < 1000; signal++) process.emit("SIGHUP");
      expect(ends).toHaveLength(1);
      for (let turn = 0; turn < 10; turn++) {
        ends.at(-1)?.();
        await Bun.sleep(0);
      }
      expect(ends).toHaveLength(2);
    } finally {
      for (const listener of process.listeners("SIGHUP")) {
        if (!before.includes(listener)) process.off("SIGHUP", listener);
      }
    }
  },
);
