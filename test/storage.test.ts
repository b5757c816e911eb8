import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { StorageError } from "../src/user/stores.ts";
import { eventually, type Location, newSession, open, PAIRS, user } from "./storage-pairs.ts";

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

/** Different names that a database would confuse if it folds case, trims or normalises. */
const LOOKALIKES = [
  ...["grace", "Grace", "GRACE", "gracé", "grace\u0301", "graçe", "ｇｒａｃｅ"],
  ...["strasse", "straße", "STRASSE", "ﬁsh1", "fish1", "istanbul", "İstanbul", "ıstanbul"],
  ...["😀😀😀😀", "😀😀😀😁", "😀😀😀", "नमस्ते", "नमस्त", "ab\u0301\u0302cd", "ab\u0302\u0301cd"],
  ...[
    "abcd",
    "abcd_",
    "abcd-",
    "ab_d",
    "ab%d",
    "1234",
    "１２３４",
    "がぎぐげ",
    "がぎぐげ".normalize("NFD"),
  ],
];

describe.each([...PAIRS])("$name", ({ available, createLocation }) => {
  const it = test.skipIf(!available);

  describe("users", () => {
    it("are found as they were inserted, and not before", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const grace = user("grace", {
        nickname: "👩🏽‍🚀 Ĝ 'x\"\\",
        profilePath: `${"p".repeat(100)}.webp`,
        password: "5f4dcc3b5aa765d61d8327deb882cf99",
        salt: "a'%_",
      });

      expect(await storage.users.find("grace")).toBeUndefined();
      expect(await storage.users.insert(grace)).toBe(true);

      expect(await storage.users.find("grace")).toEqual({
        ...grace,
        id: expect.any(String),
        isDisabled: false,
      });
    });

    it("are compared byte for byte, in reads, inserts and updates", async () => {
      await using location = await createLocation();
      await using storage = await open(location);

      for (const name of LOOKALIKES) {
        expect(await storage.users.setNickname(name, "nobody")).toBe(false);
        expect(await storage.users.find(name)).toBeUndefined();
        expect(await storage.users.insert(user(name))).toBe(true);
      }
      for (const name of LOOKALIKES) {
        expect(await storage.users.setNickname(name, `own ${name}`)).toBe(true);
      }

      const found = await Promise.all(LOOKALIKES.map((name) => storage.users.find(name)));
      expect(found.map((each) => each?.username)).toEqual(LOOKALIKES);
      expect(found.map((each) => each?.nickname)).toEqual(LOOKALIKES.map((name) => `own ${name}`));
    });

    it("take a name once, even if many inserts of it run at the same time", async () => {
      await using location = await createLocation();
      await using one = await open(location);
      await using other = await open(location);

      const inserted = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? one : other).users.insert(user("grace", { nickname: `try ${i}` })),
        ),
      );

      expect(inserted.filter(Boolean)).toHaveLength(1);
      const winner = `try ${inserted.indexOf(true)}`;
      expect((await one.users.find("grace"))?.nickname).toBe(winner);
    });

    it("change nickname and picture separately, and tell an equal value from a missing user", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      await storage.users.insert(user("grace"));
      await storage.users.insert(user("alice"));

      expect(await storage.users.setNickname("grace", "Amazing")).toBe(true);
      expect(await storage.users.setNickname("grace", "Amazing")).toBe(true);
      expect(await storage.users.setNickname("nobody", "Amazing")).toBe(false);
      expect(await storage.users.setProfilePath("grace", "g.webp")).toBe(true);
      expect(await storage.users.setProfilePath("grace", "g.webp")).toBe(true);
      expect(await storage.users.setProfilePath("nobody", "g.webp")).toBe(false);

      const changed = user("grace", { nickname: "Amazing", profilePath: "g.webp" });
      expect(await storage.users.find("grace")).toMatchObject(changed);
      expect(await storage.users.find("alice")).toMatchObject(user("alice"));
    });

    it("say which pictures they show, for any number of users and of pictures", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const own = (name: string) => user(name, { profilePath: `${name}.webp` });
      const names = Array.from({ length: 200 }, (_, i) => `user${i}`);
      await Promise.all(names.map((name) => storage.users.insert(own(name))));
      for (const name of ["grace", "alice", "ada1"]) {
        await storage.users.insert(user(name, { profilePath: "default.webp" }));
      }
      const shown = async (...paths: string[]) => (await storage.users.findShown(paths)).sort();
      expect(await shown()).toEqual([]);
      expect(await shown("none.webp")).toEqual([]);
      expect(await shown("default.webp", "user7.webp", "User7.webp", "' OR 1=1 --")).toEqual([
        "default.webp",
        "user7.webp",
      ]);
      const all = names.map((name) => `${name}.webp`);
      const others = names.map((name) => `${name}.png`);
      expect(await shown(...others, ...all, ...others)).toEqual([...all].sort());
      await storage.users.setProfilePath("user7", "new.webp");
      expect(await shown("user7.webp", "new.webp")).toEqual(["new.webp"]);
    });

    it("replace a password only if it still is the one that was read", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const first = { password: "0123456789abcdef0123456789abcdef", salt: "abcd" };
      const second = { password: "$argon2id$second", salt: "" };
      const third = { password: "$argon2id$third", salt: "" };
      await storage.users.insert(user("grace", first));
      const stored = async () => {
        const found = await storage.users.find("grace");
        return { password: found?.password, salt: found?.salt };
      };

      await storage.users.replacePassword("grace", { ...first, salt: "abcD" }, third);
      await storage.users.replacePassword("grace", { ...first, password: "0" }, third);
      await storage.users.replacePassword("Grace", first, third);
      expect(await stored()).toEqual(first);

      await storage.users.replacePassword("grace", first, second);
      expect(await stored()).toEqual(second);

      await storage.users.replacePassword("grace", first, third);
      expect(await stored()).toEqual(second);
    });

    it("are looked up many at once, including missing and repeated names", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const names = Array.from({ length: 70 }, (_, i) => `user${i}`);
      await Promise.all(names.map((name) => storage.users.insert(user(name))));
      for (const size of [1, 2, 4, 5, 16, 17, 64, 65, 127, 128, 129, 300]) {
        const seed = Math.floor(Math.random() * 2 ** 31);
        const asked = Array.from({ length: size }, (_, i) => `user${(seed + i * 7919) % 100}`);

        const found = await Promise.all(asked.map((name) => storage.users.find(name)));

        const expected = asked.map((name) => (names.includes(name) ? name : undefined));
        expect({ seed, found: found.map((each) => each?.username) }).toEqual({
          seed,
          found: expected,
        });
      }
    });
  });

  describe("sessions", () => {
    const ODD_IDS = ["", "'", "\0", "\ud800", "*", "session:s", "s ", "S", "x".repeat(10_000)];

    it("are found from open() until close(), and by their exact id", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      await storage.sessions.open(newSession("s", user("grace")));
      await storage.sessions.open(newSession("t", user("gracé")));

      expect((await storage.sessions.find("s"))?.username).toBe("grace");
      expect((await storage.sessions.find("t"))?.username).toBe("gracé");
      for (const id of ODD_IDS) {
        expect(await storage.sessions.find(id)).toBeUndefined();
        expect(await storage.sessions.close(id)).toBeUndefined();
      }
      expect(await storage.sessions.close("s")).toBe("grace");
      expect(await storage.sessions.close("s")).toBeUndefined();
      expect(await storage.sessions.find("s")).toBeUndefined();
      expect((await storage.sessions.find("t"))?.username).toBe("gracé");
    });

    it("expire, and use does not renew them", async () => {
      await using location = await createLocation();
      await using storage = await open(location, { sessionTtlSeconds: 1 });
      await using patient = await open(location);
      await patient.sessions.open(newSession("long", user("grace")));
      const startedAtMs = performance.now();
      await storage.sessions.open(newSession("short", user("grace")));

      await eventually("it ends", async () => !(await storage.sessions.find("short")));

      expect(performance.now() - startedAtMs).toBeGreaterThan(900);
      expect(await storage.sessions.close("short")).toBeUndefined();
      expect((await storage.sessions.find("long"))?.username).toBe("grace");
    });

    it("run an update and return its result or its error", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const failure = new Error("of the update");

      expect(await storage.sessions.invalidating("grace", async () => "done")).toBe("done");
      const failing = storage.sessions.invalidating("grace", () => Promise.reject(failure));

      expect(await failing.catch((error: unknown) => error)).toBe(failure);
    });

    it("show no old profile after an update has ended", async () => {
      await using location = await createLocation();
      await using storage = await open(location);
      const lease = await storage.sessions.lease("grace");
      await storage.sessions.open(newSession("s", user("grace", { nickname: "old" }), lease));

      await storage.sessions.invalidating("grace", async () => undefined);

      expect((await storage.sessions.find("s"))?.profile).toBeUndefined();
    });
  });

  it("both answer a ping, even if they are empty", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const answers = await Promise.all([storage.users.ping(), storage.sessions.ping()]);
    expect(answers).toEqual([undefined, undefined]);
  });

  test.skipIf(!available)("stored data survive closing and opening again", async () => {
    await using location = await createLocation();
    const before = await open(location);
    await before.users.insert(user("grace"));
    await before.sessions.open(newSession("s", user("grace")));
    await before.close();

    await using after = await open(location);

    expect(await after.users.find("grace")).toMatchObject(user("grace"));
    expect((await after.sessions.find("s"))?.username).toBe("grace");
    expect(await after.users.insert(user("grace"))).toBe(false);
  });

  it("several servers that start together on empty databases all start, and share them", async () => {
    // Collisions are a matter of chance, so there are several rounds.
    await using stack = new AsyncDisposableStack();
    const locations: Location[] = [];
    for (let i = 0; i < 24; i++) locations.push(stack.use(await createLocation()));
    const servers = ["anna", "bert", "cleo"];

    const starts = await startServers(servers, locations);

    for (const [i, location] of locations.entries()) {
      const at = starts.map((outcomes) => outcomes[i]);
      expect(at.map((each) => each?.ownName)).toEqual([true, true, true]);
      expect(at.filter((each) => each?.sharedName)).toHaveLength(1);
      await using storage = await open(location);
      for (const name of servers) {
        expect((await storage.users.find(name))?.username).toBe(name);
        expect((await storage.sessions.find(`${i} of ${name}`))?.username).toBe(name);
      }
    }
  });

  it("every method of a failing store throws a StorageError that says why", async () => {
    await using location = await createLocation();
    const { users, sessions, close } = await open(location);
    await close();
    const other = { password: "x", salt: "" };

    const calls = [
      [`ping ${users.database}`, () => users.ping()],
      [`ping ${sessions.database}`, () => sessions.ping()],
      ["read user", () => users.find("grace")],
      ["insert user", () => users.insert(user("grace"))],
      ["update nickname", () => users.setNickname("grace", "x")],
      ["update profile path", () => users.setProfilePath("grace", "x")],
      ["read profile paths", () => users.findShown(["x"])],
      ["replace password", () => users.replacePassword("grace", other, other)],
      ["set password", () => users.setPassword("grace", other)],
      ["disable or enable user", () => users.setDisabled("grace", true)],
      ["delete user", () => users.delete("grace", other)],
      ["read account", () => users.findAccount("grace")],
      ["search accounts", () => users.search("grace", undefined, 10)],
      ["read secret", () => users.secret("key", () => "made")],
      ["open session", () => sessions.open(newSession("s", user("grace")))],
      ["read session", () => sessions.find("s")],
      ["close session", () => sessions.close("s")],
    ] as const;

    for (const [action, call] of calls) {
      const error = await call().then(String, (error: unknown) => error);
      if (!(error instanceof StorageError)) throw new Error(`Not a StorageError: ${error}`);
      expect(error.message).toMatch(new RegExp(`^Cannot ${action}: .*[^.]$`));
      expect(error.code).toBe("DataBaseError");
      expect(error.cause).toBeInstanceOf(Error);
    }
  });
});

interface StartOutcome {
  readonly ownName: boolean;
  readonly sharedName: boolean;
}

/** Several processes open the stores at the same moment, and insert two names. */
async function startServers(names: string[], locations: Location[]): Promise<StartOutcome[][]> {
  const program = `
    import { newSession, open, user } from ${JSON.stringify(join(import.meta.dir, "storage-pairs.ts"))};
    const locations = ${JSON.stringify(locations)};
    process.once("message", async ({ name, startAtMs }) => {
      process.send(await Promise.all(locations.map(async (location, i) => {
        await Bun.sleep(startAtMs + i * 25 - Date.now());
        // All locations may share a cluster.
        await using storage = await open(location, { sessionsMax: 100 });
        const ownName = await storage.users.insert(user(name));
        const sharedName = await storage.users.insert(user("shared"));
        await storage.sessions.open(newSession(i + " of " + name, user(name)));
        return { ownName, sharedName };
      })));
      process.disconnect();
    });
    process.send("ready");`;
  const servers = names.map(() => {
    const ready = Promise.withResolvers<void>();
    const outcomes = Promise.withResolvers<StartOutcome[]>();
    const child = Bun.spawn([process.execPath, "-e", program], {
      stdio: ["ignore", "ignore", "inherit"],
      ipc: (message) => (message === "ready" ? ready.resolve() : outcomes.resolve(message)),
      onExit: (_child, code) => outcomes.reject(new Error(`A server ended with ${code}`)),
    });
    return { child, ready: ready.promise, outcomes: outcomes.promise };
  });
  const outcomes = Promise.all(servers.map((server) => server.outcomes));
  await Promise.race([outcomes, Promise.all(servers.map((server) => server.ready))]);
  const startAtMs = Date.now() + 50;
  for (const [i, { child }] of servers.entries()) child.send({ name: names[i], startAtMs });
  return outcomes;
}
