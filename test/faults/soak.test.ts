import { expect, setDefaultTimeout, test } from "bun:test";
import { Child } from "../child.ts";

// 20 seconds of work. The limit only ends a hang.
setDefaultTimeout(180_000);

test("20 s of restarts: every call ends in time, and nothing leaks", async () => {
  await using soak = new Child("test/faults/soak.ts", { args: ["--seconds", "20"] });
  // It must end by itself: a leaked timer or socket would keep it alive.
  const exitCode = await soak.exited();
  console.log(soak.output);
  expect(exitCode).toBe(0);
  const [, text = "{}"] = /^(\{"isGood".*\})$/m.exec(soak.output) ?? [];
  const report: unknown = JSON.parse(text);
  expect(report).toMatchObject({
    isGood: true,
    violations: [],
    endedAgain: 0,
    leftSockets: 0,
    leftOnServers: [0, 0],
  });
});
