import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { userDatabase } from "../src/storage/user-database.ts";
import { classicPasswords } from "../src/user/password.ts";
import { Child } from "./child.ts";
import { openRowsAt, storedPassword } from "./contract/rows.ts";
import { startStack } from "./stack.ts";
import { createFolder, DATABASES, eventually, type Location, open, user } from "./storage-pairs.ts";

// `bun run migrate --wrap-md5` as a process of its own, on real databases.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(240_000);

const NOTES = { waiting: () => undefined, applying: () => undefined };
/** Slow enough that sign-ins run at the same time, and that a signal comes before the end. */
const SLOW_HASH = "argon2id:m=8192,t=2,p=1";
const FAST_HASH = "argon2id:m=64,t=1,p=1";
const MAX_WRONG = 5;
const WRAPPED = /^\$salted-md5\$argon2id\$v=19\$m=8192,t=2,p=1\$/;

function environmentOf({ databaseUrl, redisUrl, dataDir }: Location): Record<string, string> {
  return {
    DATA_DIR: dataDir,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
  };
}

function startWrap(location: Location, more: Record<string, string> = {}, args = ["--wrap-md5"]) {
  const environment = { ...environmentOf(location), PASSWORD_HASH: SLOW_HASH, ...more };
  return new Child("src/migrate-main.ts", { environment, args });
}

async function wrap(location: Location, more: Record<string, string> = {}, args?: string[]) {
  await using child = startWrap(location, more, args);
  return { exitCode: await child.exited(), output: child.output };
}

/** User n has the password `password<n>`. */
async function insertClassic(location: Location, users: number): Promise<void> {
  await using storage = await open(location);
  for (let n = 0; n < users; n++) {
    await storage.users.insert(user(`user${n}`, classicPasswords(`password${n}`)()));
  }
}

async function passwordsIn({ databaseUrl, dataDir }: Location): Promise<string[]> {
  await using rows = await openRowsAt(databaseUrl, dataDir);
  const found = await rows.query("SELECT password FROM `user` ORDER BY id");
  return found.map(({ password }) => String(password));
}

for (const { name, available, createLocation } of DATABASES) {
  describe.skipIf(!available)(`bun run migrate --wrap-md5, on ${name}`, () => {
    test("wraps all classic passwords while users sign in, and a sign-in makes them plain", async () => {
      await using location = await createLocation();
      const users = 160;
      await insertClassic(location, users);
      await using stack = await startStack({
        ...environmentOf(location),
        PASSWORD_HASH: FAST_HASH,
      });
      await using child = startWrap(location);
      await child.waitFor(/Wrapping 160 classic passwords in .* with argon2id:m=8192,t=2,p=1\n/);
      let [isRunning, signIns] = [true, 0];
      /** Wrong passwords so far, by user: the throttle allows few. */
      const wrongs = new Map<number, number>();
      const ended = child.exited().finally(() => {
        isRunning = false;
      });
      // From the end, so that sign-ins meet passwords that are not wrapped yet, and wrapped ones.
      // A third of the users never signs in.
      for (let n = users - 1; isRunning; n = n > 7 ? n - 7 : users - 1 - n) {
        if (n % 3 === 0) continue;
        const username = `user${n}`;
        await stack.user.signIn({ username, password: `password${n}` });
        signIns++;
        if ((wrongs.get(n) ?? 0) === MAX_WRONG) continue;
        wrongs.set(n, (wrongs.get(n) ?? 0) + 1);
        const wrong = stack.user.signIn({ username, password: `password${n + 1}` });
        await expect(wrong).rejects.toMatchObject({ code: "PasswordError" });
      }
      expect(await ended).toBe(0);
      expect(signIns).toBeGreaterThan(5);
      const [, wrapped] = /^Done: (\d+) are wrapped in .*, 0 are left$/m.exec(child.output) ?? [];
      // A sign-in while its batch was hashed won.
      expect(Number(wrapped)).toBeGreaterThan(0);
      expect(Number(wrapped)).toBeLessThan(users);
      const stored = await passwordsIn(location);
      expect(stored.every((each) => WRAPPED.test(each) || each.startsWith("$argon2id$"))).toBe(
        true,
      );
      expect(stored.filter((each) => WRAPPED.test(each)).length).toBeGreaterThan(0);

      for (let n = 0; n < users; n++) {
        const username = `user${n}`;
        const wrong = stack.user.signIn({ username, password: `password${n + 1}` });
        await expect(wrong).rejects.toMatchObject({ code: "PasswordError" });
        await stack.user.signIn({ username, password: `password${n}` });
      }
      expect(
        (await passwordsIn(location)).filter((each) => !each.startsWith("$argon2id$")),
      ).toEqual([]);
    });

    test("continues after SIGTERM and after SIGKILL", async () => {
      await using location = await createLocation();
      await insertClassic(location, 200);
      const isClassic = (each: string) => /^[0-9a-f]{32}$/.test(each);
      for (const [signal, exitCode] of [
        ["SIGTERM", 143],
        ["SIGKILL", null],
      ] as const) {
        const before = (await passwordsIn(location)).filter(isClassic).length;
        await using child = startWrap(location);
        await child.waitFor(/Wrapping/);
        while ((await passwordsIn(location)).filter(isClassic).length === before)
          await Bun.sleep(5);
        child.kill(signal);
        expect(await child.exited()).toBe(exitCode);
        const left = (await passwordsIn(location)).filter(isClassic).length;
        expect(left).toBeGreaterThan(0);
        if (signal === "SIGTERM") {
          expect(child.output).toEndWith(
            `, ${left} are left\nTo continue: bun run migrate --wrap-md5\n`,
          );
        }
      }
      const left = (await passwordsIn(location)).filter(isClassic).length;
      expect(await wrap(location)).toEqual({
        exitCode: 0,
        output: expect.stringMatching(
          new RegExp(`^Done: ${left} are wrapped in .*, 0 are left$`, "m"),
        ),
      });
      expect((await passwordsIn(location)).every((each) => WRAPPED.test(each))).toBe(true);
      expect(await wrap(location)).toEqual({
        exitCode: 0,
        output: expect.stringMatching(/^Nothing to do: no classic password is in /),
      });
    });

    test("leaves other passwords alone, takes digits in upper case, and adds the pepper", async () => {
      await using location = await createLocation();
      const { password, salt } = classicPasswords("hopper1906")();
      const others = ["$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "x".repeat(32), "0".repeat(31)];
      {
        await using storage = await open(location);
        await storage.users.insert(user("grace", { password: password.toUpperCase(), salt }));
        for (const [n, other] of others.entries()) {
          await storage.users.insert(user(`user${n}`, { password: other }));
        }
      }
      await using rows = await openRowsAt(location.databaseUrl, location.dataDir);
      const timesOf = () => rows.query("SELECT gmt_create, gmt_modified FROM `user` ORDER BY id");
      const times = await timesOf();
      const PASSWORD_PEPPER = "2026:a pepper of this year";
      expect((await wrap(location, { PASSWORD_PEPPER })).exitCode).toBe(0);
      const [first = "", ...rest] = await passwordsIn(location);
      expect(first).toStartWith("$hmac-sha256$keyid=2026$salted-md5$argon2id$");
      expect(rest).toEqual(others);
      // The users have changed nothing.
      expect(await timesOf()).toEqual(times);
      await using stack = await startStack({ ...environmentOf(location), PASSWORD_PEPPER });
      await stack.user.signIn({ username: "grace", password: "hopper1906" });
      expect((await storedPassword(rows, "grace")).salt.trim()).toBe("");
    });

    test("a password that was changed after it was read stays as it is", async () => {
      await using location = await createLocation();
      await insertClassic(location, 3);
      const database = userDatabase({ databaseUrl: undefined, ...location });
      const classic = await database.openClassicRows(NOTES);
      try {
        expect(await classic.count()).toBe(3);
        const found = await classic.after(0, 10);
        expect(await classic.after(found[0]?.id ?? 0, 1)).toEqual(found.slice(1, 2));
        await using storage = await open(location);
        const [one, two] = await Promise.all(
          ["user0", "user1"].map((each) => storage.users.find(each)),
        );
        if (!one || !two) throw new Error("must be there");
        // A new password, and a new salt for the same digits.
        await storage.users.replacePassword("user0", one, { password: "$new", salt: "" });
        const salt = two.salt === "0000" ? "0001" : "0000";
        await storage.users.replacePassword("user1", two, { ...two, salt });
        expect(await classic.replace(found.map((row) => ({ row, password: "$wrapped" })))).toBe(1);
        expect(await passwordsIn(location)).toEqual(
          expect.arrayContaining(["$new", two.password, "$wrapped"]),
        );
      } finally {
        await classic.close();
      }
    });
  });
}

test("needs argon2id, and does not go together with --status", async () => {
  await using folder = await createFolder();
  expect(await wrap(folder, { PASSWORD_HASH: "salted-md5" })).toEqual({
    exitCode: 2,
    output: "--wrap-md5 needs argon2id: PASSWORD_HASH is salted-md5\n",
  });
  expect(await wrap(folder, {}, ["--status", "--wrap-md5"])).toEqual({
    exitCode: 2,
    output: "--status and --wrap-md5 do not go together\n",
  });
});

test("ends with 1 if a server adds classic passwords at the same time", async () => {
  await using folder = await createFolder();
  await insertClassic(folder, 300);
  await using child = startWrap(folder);
  await child.waitFor(/Wrapping 300/);
  // Its row is behind the last one that was read: the file is open, so ids are taken in order.
  await using rows = await openRowsAt(undefined, folder.dataDir);
  const [last] = await rows.query("SELECT MAX(id) AS id FROM `user`");
  const isFirstLeft = async () =>
    (await rows.query("SELECT 1 FROM `user` WHERE id = 1 AND length(password) = 32")).length > 0;
  await eventually("the first batch is written", async () => !(await isFirstLeft()));
  const { password, salt } = classicPasswords("hopper1906")();
  await rows.query("DELETE FROM `user` WHERE id = 1");
  await rows.query(
    `INSERT INTO \`user\` (id, gmt_create, gmt_modified, username, nickname, password, salt,
       profile_path) SELECT 1, gmt_create, gmt_modified, 'late', 'late', ?, ?, profile_path
       FROM \`user\` WHERE id = ?`,
    [password, salt, Number(last?.id)],
  );
  expect(await child.exited()).toBe(1);
  expect(child.output).toContain("are left\nA server added them: set PASSWORD_HASH to argon2id");
});
