import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ObserveOperation } from "../src/storage/observe.ts";
import { newSession, open, PAIRS, user } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

interface Operation {
  readonly name: string;
  readonly ends: unknown[];
}

function recorder() {
  const operations: Operation[] = [];
  const observe: ObserveOperation = (system, operation) => {
    const ends: unknown[] = [];
    operations.push({ name: `${system}: ${operation}`, ends });
    return (error) => ends.push(error);
  };
  const take = () => operations.splice(0);
  return { observe, take };
}

const GRACE = user("grace");

for (const { name, available, createLocation } of PAIRS) {
  const [users, sessions] =
    name === "the embedded pair" ? ["sqlite", "sqlite"] : ["mysql", "redis"];

  describe.skipIf(!available)(name, () => {
    test("the hook sees each operation of both stores begin, and end once", async () => {
      const { observe, take } = recorder();
      await using location = await createLocation();
      await using storage = await open(location, { observe });
      take();

      await storage.users.insert(GRACE);
      await storage.users.find("grace");
      await storage.users.setNickname("grace", "amazing");
      await storage.sessions.open(newSession("s1", GRACE));
      await storage.sessions.find("s1");
      await storage.sessions.end("grace", ["s1"]);

      const seen = take();
      expect(seen.map(({ name }) => name)).toEqual([
        `${users}: insert user`,
        `${users}: read user`,
        `${users}: update nickname`,
        `${sessions}: open session`,
        `${sessions}: read session`,
        `${sessions}: end sessions`,
      ]);
      for (const { ends } of seen) expect(ends).toEqual([undefined]);
    });

    test("an operation that fails ends with the driver's error", async () => {
      const { observe, take } = recorder();
      await using location = await createLocation();
      const storage = await open(location, { observe });
      take();
      await storage.close();

      await expect(storage.users.find("grace")).rejects.toThrow("Cannot read user: ");
      const [{ ends } = { ends: [] }] = take();
      expect(ends).toHaveLength(1);
      expect(ends[0]).toBeInstanceOf(Error);
      expect(`${ends[0]}`).not.toContain("Cannot read user");
    });
  });
}

const servers = PAIRS.find(({ name }) => name === "MySQL and Redis");

test.skipIf(!servers?.available)("a batch of look-ups is one operation", async () => {
  if (!servers) throw new Error("there is no such pair");
  const { observe, take } = recorder();
  await using location = await servers.createLocation();
  await using storage = await open(location, { observe });
  take();
  const names = Array.from({ length: 100 }, (_, n) => `user${n}`);
  await Promise.all(names.map((name) => storage.users.find(name)));
  await Promise.all(names.map((name) => storage.sessions.find(name)));
  expect(take().map(({ name }) => name)).toEqual(["mysql: read user", "redis: read session"]);
});
