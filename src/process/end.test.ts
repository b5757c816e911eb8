import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const [LIFECYCLE, LOG] = ["lifecycle.ts", "../telemetry/log.ts"].map((file) =>
  JSON.stringify(join(import.meta.dir, file)),
);

/** Run `code` in a tier that has started; resolves to its exit code and the lines of its log. */
async function runTierThat(code: string) {
  const script = `
    import { runTier } from ${LIFECYCLE};
    import { createLog } from ${LOG};
    const close = async () => undefined;
    await runTier(createLog("test", "info", false), async () => ({ address: "here", close }));
    setInterval(() => undefined, 1000);
    ${code}`;
  const tier = Bun.spawn([process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(tier.stdout).text(),
    new Response(tier.stderr).text(),
    tier.exited,
  ]);
  expect(stderr).toBe("");
  const lines = stdout.trimEnd().split("\n");
  return { exitCode, lines: lines.map((line): Record<string, unknown> => JSON.parse(line)) };
}

test.each([
  ["thrown", 'setTimeout(() => { throw new Error("on fire"); });'],
  ["rejected", 'setTimeout(() => Promise.reject(new Error("on fire")));'],
])("an uncaught error that is %s is logged, and ends a tier", async (_, code) => {
  const { exitCode, lines } = await runTierThat(code);
  expect(exitCode).toBe(1);
  expect(lines.at(-1)).toMatchObject({
    level: "error",
    err: { message: "on fire" },
    msg: "uncaught error",
  });
});

test("console output of a package becomes a line of the log", async () => {
  const { exitCode, lines } = await runTierThat(
    'console.error("careful: %s", "hot"); process.kill(process.pid, "SIGTERM");',
  );
  expect(exitCode).toBe(0);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "warn", by: "console.error", msg: "careful: hot" }),
  );
  expect(lines.at(-1)).toMatchObject({ msg: "closed" });
});
