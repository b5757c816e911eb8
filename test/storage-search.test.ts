import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Account, UserStore } from "../src/user/stores.ts";
import { openRowsAt } from "./contract/rows.ts";
import { DATABASES, type Location, open, user } from "./storage-pairs.ts";

// Searching accounts by the beginning of their names, page by page.

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

/** What a pattern, a collation or an escape could confuse. */
const PIECES = [
  ...["a", "A", "b", "_", "%", "\\", "|", "'", '"', "*", "?", "[", "]", "-", ".", "0", "z", "~"],
  ...["é", "e\u0301", "ß", "ss", "ı", "İ", "王", "小", "が", "か\u3099", "नि", "न", "😀", "😁"],
  ...["\uffff", "\u{10ffff}", "\u{10000}", "\ud7ff", "\ue000", "ÿ", "Ā"],
];
/**
 * Only rows of the original system can have these: no name that signs up has them. MySQL pads names
 * with spaces to compare them, so it sorts the first ones differently.
 */
const CONTROLS = ["\u0001", "\t", "\u001f", " a", "\u007f"];

/** The pieces alone, and in the middle of names that are otherwise equal. */
function around(pieces: readonly string[]): string[] {
  return ["x", "xy", ...pieces.flatMap((piece) => [piece, `x${piece}`, `x${piece}y`])];
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function expected(names: readonly string[], prefix: string): string[] {
  return names.filter((name) => name.startsWith(prefix)).sort(byBytes);
}

function namesOf(accounts: readonly Account[]): string[] {
  return accounts.map(({ username }) => username);
}

/** The names of all pages, each of which begins after the last name of the page before. */
async function pages(users: UserStore, prefix: string, size: number): Promise<string[][]> {
  const found: string[][] = [];
  for (let after: string | undefined; ; after = found.at(-1)?.at(-1)) {
    const page = namesOf(await users.search(prefix, after, size));
    if (page.length === 0) return found;
    if (found.length === 1_000) throw new Error("The pages do not end");
    found.push(page);
  }
}

/** Insert without the rules of a sign-up. */
async function insertAll({ databaseUrl, dataDir }: Location, names: readonly string[]) {
  await using rows = await openRowsAt(databaseUrl, dataDir);
  if (databaseUrl !== undefined) await rows.query("SET NAMES utf8mb4 COLLATE utf8mb4_bin");
  for (const name of names) {
    await rows.query(
      `INSERT INTO \`user\` (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES ('2024-01-01 00:00:00', '2024-01-01 00:00:00', ?, 'n', 'p', '', 'default.webp')`,
      [name],
    );
  }
}

/** Repeatable numbers from 0 to 1, so that a failure can be repeated with its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe.each([...DATABASES])("a search in $name", ({ available, createLocation }) => {
  const it = test.skipIf(!available);

  it("finds exactly the names with the prefix, in the order of their bytes", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const seed = Math.floor(Math.random() * 2 ** 31);
    const next = random(seed);
    const draw = (length: number) =>
      Array.from({ length }, () => PIECES[Math.floor(next() * PIECES.length)]).join("");
    const drawn = Array.from({ length: 300 }, () => draw(1 + Math.floor(next() * 5)));
    const names = [
      ...new Set([...around(PIECES), ...drawn, "x".repeat(64), "\u{10ffff}".repeat(64)]),
    ];
    await insertAll(location, names);

    const prefixes = ["nobody", "x ", "", " ", "x".repeat(64), "x".repeat(65), ...around(PIECES)];
    for (let more = 0; more < 60; more++) prefixes.push(draw(1 + Math.floor(next() * 2)));
    for (const prefix of prefixes) {
      const found = namesOf(await storage.users.search(prefix, undefined, 1_000));
      expect({ seed, prefix, found }).toEqual({ seed, prefix, found: expected(names, prefix) });
    }
  });

  it("finds names with control characters, too, and each once in pages", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const names = around(CONTROLS);
    await insertAll(location, names);
    for (const prefix of ["", "x", ...names]) {
      const matching = expected(names, prefix);
      const found = namesOf(await storage.users.search(prefix, undefined, 100));
      expect({ prefix, found: found.sort(byBytes) }).toEqual({ prefix, found: matching });
      const paged = (await pages(storage.users, prefix, 2)).flat();
      expect({ prefix, paged: paged.sort(byBytes) }).toEqual({ prefix, paged: matching });
    }
  });

  it("gives pages of any size, without a gap and without a name twice", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const names = Array.from({ length: 120 }, (_, i) => `${i % 2 ? "us_" : "us%"}${i}王`);
    await insertAll(location, [...names, "us", "ut", "usé", "Us_1"]);
    for (const prefix of ["us_", "us%", ""]) {
      const all = expected([...names, "us", "ut", "usé", "Us_1"], prefix);
      for (const size of [1, 7, 49, 50, 51, 100, 119, 200]) {
        const found = await pages(storage.users, prefix, size);
        expect(found.flat()).toEqual(all);
        for (const page of found.slice(0, -1)) expect(page).toHaveLength(size);
      }
    }
    // The name that a page begins after need not exist.
    expect(namesOf(await storage.users.search("us_", "us_9", 2))).toEqual(["us_91王", "us_93王"]);
    expect(await storage.users.search("us_", "zzz", 10)).toEqual([]);
    expect(namesOf(await storage.users.search("us_", "a", 1))).toEqual(["us_101王"]);
    expect(await storage.users.search("us_", undefined, 0)).toEqual([]);
  });

  it("shows every account that stays once, while others come and go", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { users } = storage;
    const staying = Array.from({ length: 60 }, (_, i) => `name${String(i).padStart(3, "0")}`);
    await insertAll(location, staying);
    let isSearching = true;
    const churning = (async () => {
      for (let round = 0; isSearching; round++) {
        const others = Array.from({ length: 10 }, (_, i) => `name${(round * 7 + i) % 70}.${i}`);
        await Promise.all(others.map((name) => users.insert(user(name))));
        await Promise.all(others.map((name) => users.delete(name)));
      }
    })();
    try {
      for (let round = 0; round < 10; round++) {
        const found = (await pages(users, "name", 7)).flat();
        expect(new Set(found).size).toBe(found.length);
        expect(found).toEqual([...found].sort(byBytes));
        expect(found.filter((name) => !name.includes("."))).toEqual(staying);
      }
    } finally {
      isSearching = false;
      await churning;
    }
  });
});
