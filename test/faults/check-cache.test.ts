import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Child } from "../child.ts";
import { available as hasMariaDb } from "../mariadb.ts";
import { available as hasRedis } from "../redis.ts";

// 15 seconds of work with every fault in it. The limit only ends a hang.
setDefaultTimeout(180_000);

async function check(...args: readonly string[]) {
  await using checker = new Child("test/faults/check-cache.ts", { args });
  const exitCode = await checker.exited();
  console.log(checker.output);
  const report: unknown = JSON.parse(/^\{"seed".*$/m.exec(checker.output)?.[0] ?? "{}");
  return { exitCode, report };
}

describe.skipIf(!hasMariaDb || !hasRedis)("the checker of the cache", () => {
  test("finds nothing within 15 s of kills, freezes and restarts", async () => {
    const { exitCode, report } = await check("--seconds", "15");
    expect(report).toMatchObject({
      findings: [],
      faults: {
        "a TCP server killed": expect.any(Number),
        "the other TCP server killed": expect.any(Number),
        "Redis frozen": expect.any(Number),
        "Redis killed, restarted empty": expect.any(Number),
        "MariaDB killed, restarted": expect.any(Number),
      },
    });
    expect(exitCode).toBe(0);
  });

  test("finds a stale read if a server fills the cache without a lease", async () => {
    // The run ends at its first finding, after about a second; later on a busy machine.
    const { exitCode, report } = await check("--seconds", "60", "--without-lease");
    expect(report).toMatchObject({
      findings: expect.arrayContaining([expect.stringMatching(/is read, after \d+ was known/)]),
    });
    expect(exitCode).toBe(1);
  });
});
