import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { seededRandom } from "../src/rpc/testing/seed.ts";
import type { SessionStore } from "../src/user/stores.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  newSession,
  open,
  PAIRS,
  user,
} from "./storage-pairs.ts";

// After a change of the password was answered, no session lives that was opened with the old one.

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const CHANGES = 25;
const SIGN_INS = 6;

/** Signs in again and again, as src/user/sign-in.ts does, while the password changes. */
class Account {
  version = 0;
  rechecked = 0;
  readonly opened: { sessionId: string; version: number }[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  async signIn(sessions: SessionStore): Promise<void> {
    const sessionId = crypto.randomUUID();
    const lease = await sessions.lease("grace");
    const { version } = this;
    await Bun.sleep(this.#random() * 12);
    const { mustRecheck } = await sessions.open(newSession(sessionId, user("grace"), lease));
    await Bun.sleep(this.#random() * 3);
    if (mustRecheck) {
      this.rechecked++;
      if (this.version !== version) return void (await sessions.end("grace", [sessionId]));
    }
    this.opened.push({ sessionId, version });
  }

  change(sessions: SessionStore): Promise<number> {
    const update = async () => {
      await Bun.sleep(this.#random() * 3);
      this.version++;
      await Bun.sleep(this.#random() * 3);
      return this.version;
    };
    return sessions.invalidating("grace", update, {});
  }

  /** The sessions that live although their password was changed before. */
  async outlived(sessions: SessionStore, version: number): Promise<string[]> {
    const old = this.opened.filter((session) => session.version < version);
    const found = await Promise.all(old.map(({ sessionId }) => sessions.find(sessionId)));
    return old.filter((_, at) => found[at]).map(({ sessionId }) => sessionId);
  }
}

for (const { name, available, createLocation } of PAIRS) {
  test.skipIf(!available)(`${name}: no session outlives its password`, async () => {
    await using location = await createLocation();
    // Leases are shorter than some sign-ins, and sessions reach their limit.
    const options = { leaseMs: 8, sessionsMax: 8 };
    await using one = await open(location, options);
    await using other = await open(location, options);
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    const account = new Account(random);
    let isOver = false;
    const signIns = Array.from({ length: SIGN_INS }, async (_, at) => {
      while (!isOver) await account.signIn(at % 2 ? one.sessions : other.sessions);
    });
    try {
      for (let n = 0; n < CHANGES; n++) {
        const version = await account.change(n % 2 ? one.sessions : other.sessions);
        expect({ seed, outlived: await account.outlived(one.sessions, version) }).toEqual({
          seed,
          outlived: [],
        });
        await Bun.sleep(random() * 30);
      }
    } finally {
      isOver = true;
      await Promise.all(signIns);
    }

    expect(await account.outlived(one.sessions, account.version)).toEqual([]);
    const listed = await one.sessions.list("grace");
    expect(listed.length).toBeLessThanOrEqual(options.sessionsMax);
    const live = await Promise.all(
      account.opened.map(({ sessionId }) => one.sessions.find(sessionId)),
    );
    // The index has every live session.
    expect(listed.map(({ sessionId }) => sessionId).sort()).toEqual(
      account.opened
        .filter((_, at) => live[at])
        .map(({ sessionId }) => sessionId)
        .sort(),
    );
    expect(account.rechecked).toBeGreaterThan(0);
    expect(account.opened.length).toBeGreaterThan(CHANGES);
  });
}

test("SQLite is locked as sessions end: they end when it is free", async () => {
  await using folder = await createFolder();
  await using storage = await open(folder);
  const { sessions } = storage;
  for (const id of ["s1", "s2"]) await sessions.open(newSession(id, user("grace")));
  using holder = new Database(join(folder.dataDir, "portico.sqlite"));
  const update = async () => {
    holder.run("BEGIN IMMEDIATE");
    return true;
  };
  await expectStorageError(() => sessions.invalidating("grace", update, { except: "s2" }));
  expect(await sessions.find("s1")).toBeDefined();
  holder.run("COMMIT");
  await eventually("it has ended", async () => (await sessions.find("s1")) === undefined);
  expect(await sessions.find("s2")).toBeDefined();
});
