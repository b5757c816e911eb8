import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { openRowsAt } from "./contract/rows.ts";
import { DATABASES, type Location, open, user } from "./storage-pairs.ts";

// What the users' databases promise about accounts: their times, passwords, deletion and pages.

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

/** Set the times of a user as the database has them, in UTC. */
async function setTimes(
  { databaseUrl, dataDir }: Location,
  username: string,
  [created, modified]: readonly [created: string, modified: string],
): Promise<void> {
  await using rows = await openRowsAt(databaseUrl, dataDir);
  await rows.query("UPDATE `user` SET gmt_create = ?, gmt_modified = ? WHERE username = ?", [
    created,
    modified,
    username,
  ]);
}

const FIRST = { password: "0123456789abcdef0123456789abcdef", salt: "abcd" };
const SECOND = { password: "$argon2id$second", salt: "" };
const THIRD = { password: "$argon2id$third", salt: "" };

describe.each([...DATABASES])("the accounts of $name", ({ available, createLocation }) => {
  const it = test.skipIf(!available);

  it("have the row's values, and times in ISO 8601 and UTC", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    await storage.users.insert(user("grace", { profilePath: "g.webp" }));
    await setTimes(location, "grace", ["2024-02-29 23:59:59", "2025-03-30 02:30:00"]);

    const zone = process.env.TZ;
    process.env.TZ = "Pacific/Auckland";
    const account = await storage.users.findAccount("grace");
    process.env.TZ = zone ?? "UTC";
    expect(account).toEqual({
      username: "grace",
      nickname: "nick grace",
      profilePath: "g.webp",
      createdAt: "2024-02-29T23:59:59.000Z",
      modifiedAt: "2025-03-30T02:30:00.000Z",
      disabledAt: undefined,
    });
    expect(await storage.users.findAccount("Grace")).toBeUndefined();
    expect(await storage.users.search("", undefined, 10)).toEqual([
      (await storage.users.findAccount("grace")) ?? expect.anything(),
    ]);
  });

  it("are disabled and enabled, and keep the time of the first", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { users } = storage;
    await users.insert(user("grace"));
    await users.insert(user("alice"));
    await setTimes(location, "grace", ["2024-01-01 00:00:00", "2024-01-01 00:00:00"]);

    expect(await users.setDisabled("nobody", true)).toBe(false);
    expect(await users.setDisabled("grace", true)).toBe(true);
    const first = await users.findAccount("grace");
    expect(await users.find("grace")).toEqual({
      ...user("grace"),
      id: expect.any(String),
      isDisabled: true,
    });
    expect(await users.find("alice")).toEqual({
      ...user("alice"),
      id: expect.any(String),
      isDisabled: false,
    });
    for (const time of [first?.disabledAt, first?.modifiedAt]) {
      expect(Math.abs(Date.parse(time ?? "") - Date.now())).toBeLessThan(60_000);
    }
    // The columns have whole seconds.
    await Bun.sleep(1_100);
    expect(await users.setDisabled("grace", true)).toBe(true);
    expect((await users.findAccount("grace"))?.disabledAt).toBe(first?.disabledAt ?? "");

    expect(await users.setDisabled("grace", false)).toBe(true);
    expect(await users.find("grace")).toMatchObject({ isDisabled: false });
    expect(await users.findAccount("grace")).toMatchObject({ disabledAt: undefined });
  });

  it("get another password, if they still have the one that was read", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { users } = storage;
    await users.insert(user("grace", FIRST));
    await users.insert(user("alice", FIRST));

    expect(await users.replacePassword("grace", { ...FIRST, salt: "abcD" }, THIRD)).toBe(false);
    expect(await users.replacePassword("Grace", FIRST, THIRD)).toBe(false);
    expect(await users.find("grace")).toMatchObject(FIRST);
    expect(await users.replacePassword("grace", FIRST, SECOND)).toBe(true);
    expect(await users.replacePassword("grace", FIRST, THIRD)).toBe(false);
    expect(await users.find("grace")).toMatchObject(SECOND);
    expect(await users.replacePassword("grace", SECOND, SECOND)).toBe(true);

    expect(await users.setPassword("grace", THIRD)).toBe(true);
    expect(await users.setPassword("nobody", THIRD)).toBe(false);
    expect(await users.find("grace")).toMatchObject(THIRD);
    expect(await users.find("alice")).toMatchObject(FIRST);
  });

  it("are deleted, with a password only if they still have it, and their names are free", async () => {
    await using location = await createLocation();
    await using storage = await open(location);
    const { users } = storage;
    await users.insert(user("grace", FIRST));
    await users.insert(user("alice", FIRST));

    expect(await users.delete("grace", SECOND)).toBe(false);
    expect(await users.delete("grace", { ...FIRST, salt: "abcD" })).toBe(false);
    expect(await users.delete("Grace")).toBe(false);
    expect(await users.find("grace")).toMatchObject(FIRST);
    expect(await users.delete("grace", FIRST)).toBe(true);
    expect(await users.delete("grace", FIRST)).toBe(false);
    expect(await users.find("grace")).toBeUndefined();
    expect(await users.findAccount("grace")).toBeUndefined();

    expect(await users.insert(user("grace", SECOND))).toBe(true);
    expect(await users.delete("grace")).toBe(true);
    expect(await users.find("alice")).toMatchObject(FIRST);
  });

  it("a secret is made once, and every server gets the same", async () => {
    await using location = await createLocation();
    await using one = await open(location);
    await using other = await open(location);
    const servers = [one, other, one, other, one, other];

    const secrets = await Promise.all(
      servers.map(({ users }, i) => users.secret("key", () => `made by ${i}`)),
    );

    expect(new Set(secrets).size).toBe(1);
    const [secret = ""] = secrets;
    expect(secret).toStartWith("made by ");
    const makeAnother = () => {
      throw new Error("There is one");
    };
    expect(await other.users.secret("key", makeAnother)).toBe(secret);
    expect(await other.users.secret("Key", () => "another")).toBe("another");
    expect(await one.users.secret("Key", makeAnother)).toBe("another");

    // Another server makes it after this one has looked for it.
    let others: Promise<string> | undefined;
    const late = await one.users.secret("late", () => {
      others = other.users.secret("late", () => "of the other");
      return "of this one";
    });
    expect(await others).toBe(late);
  });
});
