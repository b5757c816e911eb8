import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { eventually } from "./storage-pairs.ts";

// Tests leave nothing on your own servers, even if they are killed.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Let a test process create two databases, use them, and kill it. */
async function killAfter(
  make: string,
  use: (made: string[]) => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const script = `
    const servers = await import(${JSON.stringify(join(import.meta.dir, "own-servers.ts"))});
    const made = servers.${make};
    console.log([await made.createDatabase(), await made.createDatabase()].join("\\n"));
    setInterval(() => undefined, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    if (said.split("\n").length > 2) break;
  }
  const made = said.trim().split("\n");
  await use(made);
  child.kill("SIGKILL");
  await child.exited;
  return made;
}

test.skipIf(!hasMariaDb)("databases on your own MySQL are dropped, and no others", async () => {
  await using server = await startMariaDb();
  const mine = await server.createDatabase();
  const made = await killAfter(`databasesOn("${server.url}/")`);
  expect(made).toHaveLength(2);
  for (const url of made) expect(url).toStartWith(`${server.url}/portico_test_`);
  const raw = await createConnection(server.url);
  const names = async () => JSON.stringify((await raw.query("SHOW DATABASES"))[0]);
  await eventually("they are gone", async () => !(await names()).includes("portico_test_"));
  expect(await names()).toContain(new URL(mine).pathname.slice(1));
  await raw.end();
});

test.skipIf(!hasRedis)("only empty databases of your own Redis are used", async () => {
  await using server = await startRedis();
  const raw = new Redis(server.url);
  await raw.set("mine", "mine");
  const made = await killAfter(`redisNumbersOn("${server.url}")`, async () => {
    // The last one is emptied last.
    await raw.select(511);
    await raw.set("left", "by a test that was killed");
  });
  expect(made).toEqual([`${server.url}/1`, `${server.url}/2`]);
  await eventually("it is empty", async () => (await raw.dbsize()) === 0);
  await raw.select(0);
  expect(await raw.get("mine")).toBe("mine");
  raw.disconnect();
});
