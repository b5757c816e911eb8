import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Child } from "../child.ts";
import { available as hasMariaDb } from "../mariadb.ts";
import { available as hasRedis } from "../redis.ts";

// Some seconds of work. The limit only ends a hang.
setDefaultTimeout(180_000);

async function check(...args: readonly string[]) {
  await using checker = new Child("test/faults/check-cache.ts", { args: ["--part", ...args] });
  const exitCode = await checker.exited();
  console.log(checker.output);
  const report: unknown = JSON.parse(/^\{"seed".*$/m.exec(checker.output)?.[0] ?? "{}");
  return { exitCode, report };
}

describe.skipIf(!hasMariaDb || !hasRedis)("the checker of accounts", () => {
  test.each(["passwords", "owners"])("finds nothing in the part %s", async (part) => {
    const { exitCode, report } = await check(part, "--seconds", "6");
    expect(report).toMatchObject({ findings: [] });
    expect(exitCode).toBe(0);
  });

  test("finds a session that outlives its password if changes leave no marks", async () => {
    // The run ends at its first finding, after some seconds.
    const { report } = await check("passwords", "--seconds", "60", "--without-marks");
    const lives = /a session of its password \d+ lives/;
    expect(report).toMatchObject({
      findings: expect.arrayContaining([expect.stringMatching(lives)]),
    });
  });

  test("finds what owners see of each other if no sessions end", async () => {
    const { report } = await check("owners", "--seconds", "60", "--without-ending");
    const sees = /owner \d+ (is shown|lives|has written)/;
    expect(report).toMatchObject({
      findings: expect.arrayContaining([expect.stringMatching(sees)]),
    });
  });
});
