import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { newSession, open, PAIRS, user } from "./storage-pairs.ts";

// The sessions of a user: which ones there are, and how they end. src/user/stores.ts has the
// promises.

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const GRACE = user("grace");

describe.each([...PAIRS])("the sessions of a user in $name", ({ available, createLocation }) => {
  const it = test.skipIf(!available);

  it("are listed, newest first, with their times, device and address", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { sessions } = storage;
    const device = "Mozilla/5.0 (X11; Linux)\nsecond line 🦊";
    const before = Date.now();
    await sessions.open(newSession("s1", GRACE, undefined, { device, address: "2001:db8::/48" }));
    await Bun.sleep(5);
    await sessions.open(newSession("s2", GRACE, undefined, { device: "", address: "" }));
    await sessions.open(newSession("s3", user("Grace")));

    const listed = await sessions.list("grace");

    expect(listed.map(({ createdAtMs: _, expiresAtMs: __, ...shown }) => shown)).toEqual([
      { sessionId: "s2", device: "", address: "" },
      { sessionId: "s1", device, address: "2001:db8::/48" },
    ]);
    for (const { createdAtMs, expiresAtMs } of listed) {
      expect(createdAtMs).toBeWithin(before, Date.now() + 10);
      expect(expiresAtMs - createdAtMs).toBeWithin(1_799_900, 1_800_001);
    }
    expect(await sessions.list("nobody")).toEqual([]);
  });

  it("are those of exactly this name", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { sessions } = storage;
    const names = ["_-._", "a.b-c_d", "abcd", "Abcd", "Анастасия", "नमस्ते", "がぎぐげ", "😀😀😀😀"];
    for (const name of names) await sessions.open(newSession(`of ${name}`, user(name)));
    for (const name of names) {
      const listed = await sessions.list(name);
      expect(listed.map(({ sessionId }) => sessionId)).toEqual([`of ${name}`]);
    }
    for (const name of names) expect(await sessions.endAll(name)).toBe(1);
  });

  it("end one by one, only for their user, and count if they lived", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { sessions } = storage;
    for (const id of ["s1", "s2", "s3"]) await sessions.open(newSession(id, GRACE));
    await sessions.open(newSession("s4", user("alice")));

    expect(await sessions.end("grace", ["s1", "s4", "s9"])).toBe(1);
    expect(await sessions.end("grace", ["s1"])).toBe(0);
    expect(await sessions.end("grace", [])).toBe(0);

    expect(await sessions.find("s1")).toBeUndefined();
    expect((await sessions.find("s4"))?.username).toBe("alice");
    expect((await sessions.list("grace")).map(({ sessionId }) => sessionId)).toEqual(["s3", "s2"]);
  });

  it("end all, or all but one, and are counted", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { sessions } = storage;
    for (const id of ["s1", "s2", "s3", "s4"]) await sessions.open(newSession(id, GRACE));
    await sessions.close("s4");

    expect(await sessions.endAll("grace", "s2")).toBe(2);
    expect((await sessions.find("s2"))?.username).toBe("grace");
    expect(await sessions.endAll("grace")).toBe(1);
    expect(await sessions.endAll("grace")).toBe(0);
    expect(await sessions.find("s2")).toBeUndefined();
  });

  it("end with an update that changed something, but not with one that did not", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { sessions } = storage;
    for (const id of ["s1", "s2"]) await sessions.open(newSession(id, GRACE));
    const live = async () => (await sessions.list("grace")).map(({ sessionId }) => sessionId);

    expect(await sessions.invalidating("grace", async () => false, {})).toBe(false);
    expect(await sessions.invalidating("grace", async () => true)).toBe(true);
    expect(await live()).toEqual(["s2", "s1"]);
    expect(await sessions.invalidating("grace", async () => true, { except: "s1" })).toBe(true);
    expect(await live()).toEqual(["s1"]);
    expect(await sessions.invalidating("grace", async () => true, {})).toBe(true);
    expect(await live()).toEqual([]);
  });

  it("are at most as many as allowed: the oldest ends, and one that has ended does not count", async () => {
    await using location = await createLocation();
    await using storage = await open(location, { sessionsMax: 3 });
    const { sessions } = storage;
    const live = async () => (await sessions.list("grace")).map(({ sessionId }) => sessionId);
    for (const id of ["s1", "s2", "s3", "s4"]) await sessions.open(newSession(id, GRACE));
    expect(await live()).toEqual(["s4", "s3", "s2"]);
    expect(await sessions.find("s1")).toBeUndefined();
    await sessions.close("s3");
    await Bun.sleep(50);
    await sessions.open(newSession("s5", GRACE));
    expect(await live()).toEqual(["s5", "s4", "s2"]);
  });

  it("replace live sessions of the same user only", async () => {
    await using location = await createLocation();
    await using storage = await open(location, { sessionsMax: 2 });
    const { sessions } = storage;
    for (const id of ["s1", "s2"]) await sessions.open(newSession(id, GRACE));
    await sessions.open(newSession("a1", user("alice")));
    // Of a user who has as many as allowed: the oldest lives on.
    await sessions.open(newSession("s3", GRACE, undefined, { replaces: ["s2"] }));
    await sessions.open(newSession("b1", user("bob"), undefined, { replaces: ["a1"] }));
    await sessions.open(newSession("b2", user("bob"), undefined, { replaces: ["none"] }));

    const ids = ["s1", "s2", "s3", "a1", "b1", "b2"];
    const found = await Promise.all(ids.map((id) => sessions.find(id)));
    expect(found.map((each) => each?.username)).toEqual([
      "grace",
      undefined,
      "grace",
      "alice",
      "bob",
      "bob",
    ]);

    const several = ["none", "a1", "s1", "b1", "s3"];
    await sessions.open(newSession("s4", GRACE, undefined, { replaces: several }));
    const left = await Promise.all([...ids, "s4"].map((id) => sessions.find(id)));
    expect(left.map((each) => each?.username)).toEqual([
      undefined,
      undefined,
      undefined,
      "alice",
      "bob",
      "bob",
      "grace",
    ]);
    const listed = await sessions.list("grace");
    expect(listed.map(({ sessionId }) => sessionId)).toEqual(["s4"]);
  });
});
