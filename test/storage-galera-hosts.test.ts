import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { StorageError } from "../src/user/stores.ts";
import { openRowsAt } from "./contract/rows.ts";
import { canCopyState, type Galera, available as hasGalera, startGalera } from "./galera.ts";
import { createFolder, eventually, open, recordingLog, user } from "./storage-pairs.ts";

// DATABASE_URL names the three nodes of a Galera cluster. One is killed, one is cut off, and both
// come back.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const SUITE = hasGalera
  ? "DATABASE_URL with three Galera nodes"
  : "DATABASE_URL with three Galera nodes (left out: MariaDB or its galera-4 is not installed)";

describe.skipIf(!hasGalera)(SUITE, () => {
  let galera: Galera;
  beforeAll(async () => {
    galera = await startGalera(3);
  });
  afterAll(() => galera?.[Symbol.asyncDispose]());

  /** A server that has used the first node, with the user grace. */
  async function openSite() {
    await using owned = new AsyncDisposableStack();
    const { dataDir } = owned.use(await createFolder());
    const urls = await galera.createDatabase();
    const { log, messages } = recordingLog();
    const storage = owned.use(await open({ databaseUrl: galera.urlOfAll(urls), dataDir }, { log }));
    await storage.users.insert(user("grace"));
    const moved = owned.move();
    return {
      users: storage.users,
      urls,
      messages,
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  }
  type Site = Awaited<ReturnType<typeof openSite>>;

  /** Change the nickname until it succeeds. */
  async function renameUntilDone({ users }: Site, nickname: string): Promise<void> {
    await eventually("an update succeeds", () =>
      users.setNickname("grace", nickname).catch((error: unknown) => {
        if (error instanceof StorageError) return false;
        throw error;
      }),
    );
  }

  function movesOf({ messages }: Site): string[] {
    return messages.filter((each) => each.includes("takes the writes now"));
  }

  test("all nodes take writes, and a process stays with the first", async () => {
    await using site = await openSite();
    for (let n = 0; n < 20; n++) {
      await Promise.all([site.users.setNickname("grace", `${n}`), site.users.find("grace")]);
    }
    expect(site.messages).toContainEqual(expect.stringMatching(/^info connected to MySQL at /));
    // No move, and no warning that two hosts take writes.
    expect(site.messages.filter((each) => !each.startsWith("info "))).toEqual([]);
  });

  test("a node that is cut off is left; another one has all acknowledged writes", async () => {
    await using site = await openSite();
    await site.users.setNickname("grace", "before");
    await using isolation = await galera.isolate(0);
    const isolatedAtMs = performance.now();
    await renameUntilDone(site, "during");
    tell("node cut off: the first update", isolatedAtMs);

    expect((await site.users.find("grace"))?.nickname).toBe("during");
    expect(movesOf(site)).toHaveLength(1);
    await isolation.remove();
    // It does not go back by itself.
    expect(await site.users.setNickname("grace", "after")).toBe(true);
    expect(movesOf(site)).toHaveLength(1);
    await using rows = await openRowsAt(site.urls[0], "");
    await rows.query("SET SESSION wsrep_sync_wait = 1");
    expect(await rows.query("SELECT nickname FROM user")).toEqual([{ nickname: "after" }]);
  });

  test.skipIf(!canCopyState)("a node that is killed is left, and joins again", async () => {
    await using site = await openSite();
    await site.users.setNickname("grace", "before");
    await galera.kill(0);
    const killedAtMs = performance.now();
    await renameUntilDone(site, "during");
    tell("node killed: the first update", killedAtMs);

    expect((await site.users.find("grace"))?.nickname).toBe("during");
    expect(movesOf(site)).toHaveLength(1);
    await galera.restart(0);
    await using rows = await openRowsAt(site.urls[0], "");
    expect(await rows.query("SELECT nickname FROM user")).toEqual([{ nickname: "during" }]);
    expect(await site.users.setNickname("grace", "after")).toBe(true);
  });
});

/** Print a time for docs/failures.md. */
function tell(what: string, sinceMs: number): void {
  console.log(`${what}: ${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`);
}
