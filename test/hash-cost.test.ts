import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "./child.ts";

// A shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

async function hashCost(...args: string[]) {
  const { PATH = "" } = process.env;
  const child = Bun.spawn([process.execPath, join(ROOT, "src/hash-cost-main.ts"), ...args], {
    env: { PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** The cells of each measured cost. */
function rowsOf(stdout: string): string[][] {
  const lines = stdout.split("\n").filter((line) => line.startsWith("  argon2id:"));
  return lines.map((line) => line.trim().split(/ {2,}/));
}

test("prints a table, and the last cost that reaches the number", async () => {
  const { exitCode, stdout } = await hashCost("--sign-ins-per-second", "20");
  const rows = rowsOf(stdout);
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const [cost, perSecond, cpu, memory, reaches] of rows) {
    expect(cost).toMatch(/^argon2id:m=\d+,t=\d+,p=1$/);
    expect(cpu).toMatch(/^[\d,]+ ms$/);
    expect(memory).toMatch(/^[\d,]+ MiB$/);
    const rate = Number(perSecond?.replaceAll(",", ""));
    // The table has rounded it.
    if (rate !== 20) expect(reaches).toBe(rate > 20 ? "yes" : "no");
  }
  const strongest = rows.findLast((row) => row.at(-1) === "yes")?.[0];
  expect(exitCode).toBe(strongest === undefined ? 1 : 0);
  // A busy machine may reach it with no cost.
  const found = `\nThe strongest for 20 sign-ins/s: PASSWORD_HASH=${strongest}\n`;
  expect(stdout).toContain(strongest === undefined ? "\nNo cost that OWASP allows" : found);
});

test("ends with 1 if no cost reaches the number", async () => {
  const { exitCode, stdout } = await hashCost("--sign-ins-per-second", "1000000");
  expect(exitCode).toBe(1);
  expect(rowsOf(stdout)).toHaveLength(5);
  expect(stdout).toContain("No cost that OWASP allows reaches 1,000,000 sign-ins/s");
});

test.each([
  [[], "--sign-ins-per-second is missing: bun run hash-cost --sign-ins-per-second 50\n"],
  [
    ["--sign-ins-per-second", "0"],
    '--sign-ins-per-second is "0": must be a whole number from 1 to 1000000\n',
  ],
])("ends with 2 for %p", async (args, stderr) => {
  expect(await hashCost(...args)).toEqual({ exitCode: 2, stdout: "", stderr });
});
