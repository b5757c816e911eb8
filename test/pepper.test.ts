import { expect, setDefaultTimeout, test } from "bun:test";
import { Child } from "./child.ts";
import { openRowsAt, storedPassword } from "./contract/rows.ts";
import { startStack } from "./stack.ts";
import { createFolder, DATABASES, type Location } from "./storage-pairs.ts";

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const GRACE = { username: "grace", password: "hopper1906" };
const OLD = "2025:a pepper of last year";
const NEW = "2026:a pepper of this year";

function environmentOf({ databaseUrl, redisUrl, dataDir }: Location, pepper?: string) {
  return {
    DATA_DIR: dataDir,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    ...(pepper !== undefined && { PASSWORD_PEPPER: pepper }),
  };
}

for (const { name, available, createLocation } of DATABASES) {
  test.skipIf(!available)(`a sign-in rotates the pepper, on ${name}`, async () => {
    await using location = await createLocation();
    const storedAfter = async (pepper: string | undefined, isNew = false) => {
      await using stack = await startStack(environmentOf(location, pepper));
      if (isNew) await stack.user.signUp(GRACE);
      else await stack.user.signIn(GRACE);
      const wrong = stack.user.signIn({ ...GRACE, password: "hopper1907" });
      await expect(wrong).rejects.toMatchObject({ code: "PasswordError" });
      await using rows = await openRowsAt(location.databaseUrl, location.dataDir);
      return (await storedPassword(rows, "grace")).password;
    };
    expect(await storedAfter(undefined, true)).toStartWith("$argon2id$");
    const first = await storedAfter(OLD);
    expect(first).toStartWith("$hmac-sha256$keyid=2025$argon2id$");
    expect(await storedAfter(`${OLD},${NEW}`)).toBe(first);
    const second = await storedAfter(`${NEW},${OLD}`);
    expect(second).toStartWith("$hmac-sha256$keyid=2026$argon2id$");
    expect(await storedAfter(NEW)).toBe(second);
  });
}

test("a pepper that the server does not have is a fault with a clear log line", async () => {
  await using folder = await createFolder();
  {
    await using stack = await startStack(environmentOf(folder, OLD));
    await stack.user.signUp(GRACE);
  }
  const environment = { ...environmentOf(folder, NEW), HTTP_PORT: "0", RPC_PORT: "0" };
  await using child = new Child("src/start-main.ts", { environment });
  await child.waitFor(/"both tiers are running"/);
  const url = /"tier":"http","address":"([^"]+)"/.exec(child.output)?.[1];
  const response = await fetch(`${url}/api/entrytask/user/signin`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(GRACE),
  });
  expect({ status: response.status, answer: await response.json() }).toMatchObject({
    status: 500,
    answer: { errCode: "0" },
  });
  const line = /Cannot verify a password: its pepper \\"2025\\" is not in PASSWORD_PEPPER/;
  await child.waitFor(line);
  expect(child.output).not.toMatch(/a pepper of|hopper1906|\$argon2id/);
});

test("a start with another secret of a known pepper fails, and says why", async () => {
  await using folder = await createFolder();
  {
    await using stack = await startStack(environmentOf(folder, OLD));
    await stack.user.signUp(GRACE);
  }
  const environment = { ...environmentOf(folder, `${OLD}!`), RPC_PORT: "0" };
  await using child = new Child("src/tcp-main.ts", { environment });
  expect(await child.exited()).toBe(1);
  expect(child.output).toMatch(/PASSWORD_PEPPER: the secret of \\"2025\\" is not the one/);
  expect(child.output).not.toMatch(/a pepper of/);
});

test("test users have the pepper, too", async () => {
  await using folder = await createFolder();
  const environment = { ...environmentOf(folder, NEW), PASSWORD_HASH: "argon2id:m=64,t=1,p=1" };
  await using child = new Child("src/seed-main.ts", { environment, args: ["--users", "1"] });
  expect(await child.exited()).toBe(0);
  await using rows = await openRowsAt(undefined, folder.dataDir);
  const { password } = await storedPassword(rows, "test0");
  expect(password).toStartWith("$hmac-sha256$keyid=2026$argon2id$");
});
