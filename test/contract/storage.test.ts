import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedis } from "../redis-keys.ts";
import { startStack } from "../stack.ts";
import { Api, newMember, newName, nicknameOf, profileOf, sessionIdOf } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeAllPairs, describePairs, describeServers, sharedStack } from "./pairs.ts";
import { openRows, storedPassword } from "./rows.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PHC = /^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;
const PASSWORD = "hopper1906";

const md5 = (text: string) => createHash("md5").update(text, "utf8").digest("hex");
const classic = (password: string, salt: string) => md5(salt + md5(password) + salt);

describeAllPairs("the table of users", (pair) => {
  const shared = sharedStack(pair);

  test("holds a PHC string, different for users with the same password", async () => {
    await using rows = await openRows(shared);
    const hashes = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const { username } = await newMember(shared.stack);
      const { password } = await storedPassword(rows, username);
      expect(password).toMatch(PHC);
      expect(password).not.toContain(PASSWORD);
      hashes.add(password);
    }
    expect(hashes.size).toBe(5);
  });

  test.each(["hopper1906", "pässwörd 😀", "汉字汉字"])(
    "may hold the classic scheme: %p signs in and is hashed anew",
    async (password) => {
      await using rows = await openRows(shared);
      const [api, username] = [new Api(shared.stack.url), newName()];
      await api.signUp(username, "another-pass");
      await rows.query("UPDATE `user` SET password = ?, salt = ? WHERE username = ?", [
        classic(password, "ab12"),
        "ab12",
        username,
      ]);
      expect((await api.signIn(username, "another-pass")).code).toBe("5");
      expect((await storedPassword(rows, username)).password).toBe(classic(password, "ab12"));
      const signedIn = await api.signIn(username, password);
      expect(signedIn.code).toBe("7");
      expect(await nicknameOf(api.withSession(sessionIdOf(signedIn)))).toBe(username);
      const giveUpAt = Date.now() + 10_000;
      while (!PHC.test((await storedPassword(rows, username)).password)) {
        if (Date.now() > giveUpAt) throw new Error("The password keeps its classic hash");
        await Bun.sleep(20);
      }
      expect((await api.signIn(username, password)).code).toBe("7");
      expect((await api.signIn(username, "another-pass")).code).toBe("5");
      // Neither the stored hash nor its inner half is a password.
      expect((await api.signIn(username, md5(password).slice(0, 13))).code).toBe("5");
    },
  );

  test("without the user of a session answers 4, and saves no picture", async () => {
    await using rows = await openRows(shared);
    const { api, username, sessionId } = await newMember(shared.stack);
    await rows.query("DELETE FROM `user` WHERE username = ?", [username]);
    const { REDIS_URL } = shared.environment;
    if (REDIS_URL !== undefined) await forget(REDIS_URL, `user:${username}`);
    expect([(await api.userInfo()).code, (await api.userInfo()).status]).toEqual(["4", 404]);
    expect((await api.nickname("nobody")).code).toBe("4");
    const form = avatarForm(pngOf(2, 2, [1, 2, 3]));
    expect((await api.avatar(form)).code).toBe("4");
    expect(await savedIn(shared.stack.dataDir)).toEqual([]);
    await shared.stack.user.signOut({ sessionId });
  });

  test("that cannot be reached is answered with 1, keeps no picture, and is found again", async () => {
    await using rows = await openRows(shared);
    const { api, username, password } = await newMember(shared.stack);
    const form = avatarForm(pngOf(2, 2, [1, 2, 3]));
    await rows.query("ALTER TABLE `user` RENAME TO `user_away`");
    const answers = [
      await api.signUp(newName(), password),
      await api.signIn(username, password),
      await api.nickname("changed"),
      await api.avatar(form),
    ];
    await rows.query("ALTER TABLE `user_away` RENAME TO `user`");
    const failed = answers.map(({ code, status }) => `${code} ${status}`);
    expect(failed).toEqual(answers.map(() => "1 503"));
    expect(await savedIn(shared.stack.dataDir)).toEqual([]);
    expect(await nicknameOf(api)).toBe(username);
    expect((await api.nickname("changed")).code).toBe("7");
    expect(await nicknameOf(api)).toBe("changed");
  });
});

describePairs("the row of a user", (pair) => {
  const shared = sharedStack(pair);

  test("has the time of its creation and of its last change", async () => {
    await using rows = await openRows(shared);
    const { api, username } = await newMember(shared.stack);
    const dated = async () => {
      const [row] = await rows.query("SELECT * FROM `user` WHERE username = ?", [username]);
      return { created: String(row?.gmt_create), modified: String(row?.gmt_modified) };
    };
    const first = await dated();
    expect(first.modified).toBe(first.created);
    const form = avatarForm(pngOf(2, 2, [1, 2, 3]));
    for (const change of [() => api.nickname("changed"), () => api.avatar(form)]) {
      await rows.query("UPDATE `user` SET gmt_modified = '2001-02-03 04:05:06'");
      expect((await dated()).modified).toContain("2001");
      expect((await change()).code).toBe("7");
      const { created, modified } = await dated();
      expect(created).toBe(first.created);
      expect(modified).not.toContain("2001");
    }
  });
});

describeAllPairs("a table of users that refuses updates", (pair) => {
  const shared = sharedStack(pair);

  test("is answered with 1, and no reader sees the refused update", async () => {
    await using rows = await openRows(shared);
    const { api } = await newMember(shared.stack);
    const form = () => avatarForm(pngOf(2, 2, [1, 2, 3]));
    const before = profileOf(await api.userInfo());
    // Readers are well, so that an avatar gets as far as the update, with its picture saved.
    const refusal =
      pair.name === "embedded"
        ? "BEGIN SELECT RAISE(ABORT, 'read-only'); END"
        : "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'read-only'";
    await rows.query(`CREATE TRIGGER read_only BEFORE UPDATE ON \`user\` ${refusal}`);
    for (const call of [() => api.avatar(form()), () => api.nickname("changed")]) {
      const answer = await call();
      expect([answer.code, answer.status]).toEqual(["1", 503]);
      expect(profileOf(await api.userInfo())).toEqual(before);
    }
    // After a "1" the profile may get the picture yet: it stays for a minute.
    const undecided = await savedIn(shared.stack.dataDir);
    expect(undecided).toHaveLength(1);
    await rows.query("DROP TRIGGER read_only");
    expect((await api.avatar(form())).code).toBe("7");
    const { profilePath } = profileOf(await api.userInfo());
    const saved = [...undecided, `avatars/${profilePath}`].toSorted();
    expect((await savedIn(shared.stack.dataDir)).toSorted()).toEqual(saved);
    expect((await api.nickname("changed")).data).toBe("changed");
    expect(await nicknameOf(api)).toBe("changed");
  });
});

describePairs("the classic scheme by PASSWORD_HASH", (pair) => {
  const shared = sharedStack(pair, { PASSWORD_HASH: "salted-md5" });

  test("stores md5(salt + md5(password) + salt) in hex, with a salt of its own", async () => {
    await using rows = await openRows(shared);
    const salts = new Set<string>();
    for (const password of ["hopper1906", "hopper1906", "pässwörd 😀", "汉字汉字"]) {
      const [api, username] = [new Api(shared.stack.url), newName()];
      expect((await api.signUp(username, password)).code).toBe("7");
      const { password: stored, salt } = await storedPassword(rows, username);
      expect(salt).toHaveLength(4);
      expect(stored).toBe(classic(password, salt));
      expect((await api.signIn(username, password)).code).toBe("7");
      expect((await api.signIn(username, "another-pass")).code).toBe("5");
      salts.add(salt);
    }
    expect(salts.size).toBeGreaterThan(1);
  });
});

test("a restart on the embedded default loses neither users, sessions nor pictures", async () => {
  const folder = await mkdtemp(join(tmpdir(), "portico-restart-"));
  try {
    const before = await startStack({ DATA_DIR: folder });
    const member = await newMember(before);
    await member.api.nickname("Grace");
    await member.api.avatar(avatarForm(pngOf(4, 4, [1, 2, 3])));
    const profile = profileOf(await member.api.userInfo());
    const ended = await newMember(before);
    await ended.api.signOut();
    await before[Symbol.asyncDispose]();

    await using after = await startStack({ DATA_DIR: folder });
    const api = new Api(after.url);
    const again = api.withSession(member.sessionId);
    expect(profileOf(await again.userInfo())).toEqual(profile);
    expect((await api.fetch("GET", `/avatars/${profile.profilePath}`)).status).toBe(200);
    expect((await api.signIn(member.username, member.password)).code).toBe("7");
    expect((await api.signUp(member.username, member.password)).code).toBe("3");
    expect((await api.withSession(ended.sessionId).userInfo()).code).toBe("2");
    expect((await again.signOut()).code).toBe("7");
  } finally {
    await rm(folder, { recursive: true });
  }
});

describeServers("the columns of the table", (pair) => {
  const shared = sharedStack(pair);

  test("are those of the contract", async () => {
    await using rows = await openRows(shared);
    const columns = await rows.query(
      "SELECT column_name AS name, column_type AS type, collation_name AS collation " +
        "FROM information_schema.columns WHERE table_schema = DATABASE() " +
        "AND table_name = 'user' ORDER BY ordinal_position",
    );
    const types = columns.map(({ name, type }) => `${name} ${String(type).replace("(20)", "")}`);
    expect(types.map((text) => text.replace(/^(id bigint) unsigned$/, "$1"))).toEqual([
      "id bigint",
      "gmt_create datetime",
      "gmt_modified datetime",
      "username varchar(64)",
      "nickname varchar(64)",
      "password varchar(255)",
      "salt char(4)",
      "profile_path varchar(128)",
      "disabled_at datetime",
    ]);
    const username = columns.find(({ name }) => name === "username");
    expect(username?.collation).toBe("utf8mb4_bin");
    const nickname = columns.find(({ name }) => name === "nickname");
    expect(String(nickname?.collation)).toStartWith("utf8mb4_");
  });

  test("have id as their primary key and username as unique", async () => {
    await using rows = await openRows(shared);
    const keys = await rows.query(
      "SELECT index_name AS name, GROUP_CONCAT(column_name) AS columns " +
        "FROM information_schema.statistics WHERE table_schema = DATABASE() " +
        "AND table_name = 'user' AND non_unique = 0 GROUP BY index_name",
    );
    expect(keys.map(({ columns }) => String(columns)).sort()).toEqual(["id", "username"]);
    expect(keys.find(({ columns }) => columns === "id")?.name).toBe("PRIMARY");
  });

  test("hold the time of the last change", async () => {
    await using rows = await openRows(shared);
    const { api, username } = await newMember(shared.stack);
    const past = "2001-02-03 04:05:06";
    const update = "UPDATE `user` SET gmt_create = ?, gmt_modified = ? WHERE username = ?";
    await rows.query(update, [past, past, username]);
    await api.nickname("later");
    const [row] = await rows.query(
      "SELECT gmt_create = ? AS same, gmt_modified > ? AS later FROM `user` WHERE username = ?",
      [past, past, username],
    );
    expect([Number(row?.same), Number(row?.later)]).toEqual([1, 1]);
  });
});

async function forget(url: string, key: string): Promise<void> {
  await using redis = await openRedis(url);
  await redis.keys.del(key);
}

/** What lies in the folder of the avatars, if there is one yet. */
async function savedIn(dataDir: string): Promise<string[]> {
  const files = await readdir(dataDir, { recursive: true });
  return files.filter((file) => file.startsWith("avatars/"));
}
