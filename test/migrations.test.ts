import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Rows } from "./contract/rows.ts";
import { available } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { contents, createOriginal, insertOriginal, PASSWORD } from "./original-table.ts";
import { startStack } from "./stack.ts";
import { open, user } from "./storage-pairs.ts";

// The table of the original system is made ours by `bun run migrate`, or by a server that starts.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const it = test.skipIf(!available);

async function columns(rows: Pick<Rows, "query">) {
  return rows.query(
    `SELECT column_name, column_type, collation_name, is_nullable, column_default, column_key, extra
     FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY ordinal_position`,
  );
}

const PRIMARY = "PRIMARY: id, unique";
const BY_PICTURE = "ix_profile_path: profile_path";

/** The keys of the table, such as "username: username, unique". */
async function keys(rows: Pick<Rows, "query">): Promise<string[]> {
  const found = await rows.query(
    `SELECT CONCAT(index_name, ': ', GROUP_CONCAT(column_name ORDER BY seq_in_index),
                   IF(non_unique, '', ', unique')) AS found
     FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'user'
     GROUP BY index_name, non_unique ORDER BY index_name`,
  );
  return found.map((row) => String(row.found));
}

describe("from the original table to ours", () => {
  for (const charset of [
    "CHARACTER SET latin1",
    "CHARACTER SET utf8 COLLATE utf8_general_ci",
    "CHARACTER SET utf8 COLLATE utf8_unicode_ci",
    "ENGINE = MyISAM CHARACTER SET latin1",
  ]) {
    it(`${charset}: keeps all data and lets its users in`, async () => {
      await using database = await openDatabase();
      await using fresh = await openDatabase();
      await createOriginal(database, charset);
      const wide = charset.includes("latin1") ? "Zoë" : "王小明";
      await insertOriginal(database, [
        { username: "Grace" },
        { username: "müller", nickname: wide },
        { username: "empty-handed", nickname: null, salt: null, path: null },
      ]);
      const before = await database.query("SELECT * FROM user ORDER BY id");

      expect((await migrate(database)).exitCode).toBe(0);
      await migrate(fresh);

      expect(await columns(database)).toEqual(await columns(fresh));
      // An existing unique key is kept, whatever its name.
      expect(await keys(database)).toEqual([BY_PICTURE, PRIMARY, "username: username, unique"]);
      expect(await keys(fresh)).toEqual([BY_PICTURE, PRIMARY, "uk_username: username, unique"]);
      const after = await database.query("SELECT * FROM user ORDER BY id");
      expect(after).toEqual(
        before.map((row) => ({
          ...row,
          ...(row.nickname === null && {
            nickname: "empty-ha",
            salt: "",
            profile_path: "default.webp",
          }),
          disabled_at: null,
        })),
      );
      await using stack = await startStack({ DATABASE_URL: database.databaseUrl });
      for (const { username, nickname } of after) {
        const credentials = { username: String(username), password: PASSWORD };
        const { sessionId } = await stack.user.signIn(credentials);
        expect(await stack.user.getUserInfo({ sessionId })).toMatchObject({ nickname });
        // A new hash is longer than the original column was.
        await stack.user.signIn(credentials);
        const [row] = await database.query("SELECT password FROM user WHERE username = ?", [
          credentials.username,
        ]);
        expect(row?.password).toMatch(/^\$argon2id\$/);
        await stack.user.updateNickname({ sessionId, nickname: "😀" });
      }
      // A name in another case is another user.
      const grace = { username: "grace", password: "another" };
      await expect(stack.user.signIn(grace)).rejects.toMatchObject({ code: "UserNotExistError" });
      await stack.user.signUp(grace);
      await stack.user.signIn({ username: "Grace", password: PASSWORD });
    });
  }

  for (const { obstacle, charset, sql, why, heal } of [
    {
      obstacle: "users without a name",
      sql: "INSERT INTO user (password) VALUES ('x'), ('y')",
      why:
        "migration 2 (fill gaps of original user) cannot be applied: " +
        "give these users a username and a password, or delete them (id 2, 3)",
      heal: "DELETE FROM user WHERE username IS NULL",
    },
    {
      obstacle: "a user without a password",
      sql: "INSERT INTO user (username) VALUES ('alice')",
      why:
        "migration 2 (fill gaps of original user) cannot be applied: " +
        "give these users a username and a password, or delete them (id 2)",
      heal: "UPDATE user SET password = 'x' WHERE username = 'alice'",
    },
    {
      obstacle: "what is too long for our columns",
      sql: `ALTER TABLE user MODIFY nickname varchar(100), MODIFY username varchar(100);
        INSERT INTO user (username, nickname, password) VALUES
          ('alice', REPEAT('x', 65), 'x'), (REPEAT('y', 64), REPEAT('y', 64), 'x'),
          (REPEAT('x', 65), 'x', 'x')`,
      why:
        "migration 3 (convert original user) cannot be applied: shorten what is too long for its " +
        "column (username 64 characters, nickname 64, password 255, salt 4, profile_path 128) " +
        "(id 2, 4)",
      heal: "UPDATE user SET nickname = 'x', username = RIGHT(username, 64) WHERE id IN (2, 4)",
    },
    {
      obstacle: "names that differ only in spaces at the end",
      charset: "CHARACTER SET utf8 COLLATE utf8_general_nopad_ci",
      sql: "INSERT INTO user (username, password) VALUES ('bob', 'x'), ('alice', 'x'), ('bob ', 'x')",
      why:
        "migration 3 (convert original user) cannot be applied: rename or delete users until " +
        "all names differ, not counting spaces at the end (id 2, 4)",
      heal: "DELETE FROM user WHERE username LIKE 'bob '",
    },
    {
      obstacle: "duplicate names, since no key forbids them",
      sql: `ALTER TABLE user DROP KEY username;
        INSERT INTO user (username, password) VALUES
          ('müller', 'x'), ('bob', 'x'), ('Bob', 'x'), ('muller', 'x'), ('grace', 'x'), ('bob', 'x')`,
      why:
        "migration 3 (convert original user) cannot be applied: rename or delete users until " +
        "all names differ, not counting spaces at the end (id 3, 7, 1, 6)",
      heal: "DELETE FROM user WHERE id > 5",
    },
  ]) {
    it(`${obstacle}: says where, and changes nothing until they are gone`, async () => {
      await using database = await openDatabase();
      await createOriginal(database, charset ?? "CHARACTER SET latin1");
      await insertOriginal(database, [{ username: "grace", nickname: null }]);
      for (const statement of sql.split(";")) await database.query(statement);
      const [before, keysBefore] = [await contents(database), await keys(database)];

      expect(await migrate(database)).toEqual({
        exitCode: 3,
        output: expect.stringMatching(
          new RegExp(`^Cannot migrate MySQL at \\S+ \\(DATABASE_URL\\): ${RegExp.escape(why)}\n$`),
        ),
      });
      // A server does not wait, either.
      await expect(open(database)).rejects.toThrow(why);
      expect(await contents(database)).toEqual(before);
      expect(await keys(database)).toEqual(keysBefore);
      const [{ tables } = {}] = await database.query(
        "SELECT COUNT(*) AS tables FROM information_schema.tables WHERE table_schema = DATABASE()",
      );
      expect(Number(tables)).toBe(1);

      await database.query(heal);
      expect(await migrate(database)).toMatchObject({ exitCode: 0 });
      expect((await migrate(database, "--status")).exitCode).toBe(0);
    });
  }

  for (const { what, sql, more } of [
    { what: "without a unique key", sql: "DROP KEY username", more: [] },
    {
      what: "with a key that is not unique",
      sql: "DROP KEY username, ADD KEY (username)",
      more: ["username: username"],
    },
    {
      what: "with a unique key of half a name",
      sql: "DROP KEY username, ADD UNIQUE KEY half (username(32))",
      more: ["half: username, unique"],
    },
    {
      what: "with a unique key of two columns",
      sql: "DROP KEY username, ADD UNIQUE KEY both_names (username, nickname)",
      more: ["both_names: username,nickname, unique"],
    },
  ]) {
    it(`a table ${what} gets one, so that no name is there twice`, async () => {
      await using database = await openDatabase();
      await createOriginal(database, "CHARACTER SET latin1");
      await database.query(`ALTER TABLE user ${sql}`);
      await insertOriginal(database, [{ username: "Grace" }]);
      expect((await migrate(database)).output).toContain("Applying migration 4, unique names");
      const expected = [BY_PICTURE, PRIMARY, "uk_username: username, unique", ...more].sort();
      expect((await keys(database)).sort()).toEqual(expected);
      await using storage = await open(database);
      expect(await storage.users.insert(user("Grace"))).toBe(false);
      expect(await storage.users.insert(user("grace"))).toBe(true);
    });
  }

  it("reports MySQL's own message for a value that is not checked beforehand", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await database.query("ALTER TABLE user MODIFY profile_path varchar(6)");
    await insertOriginal(database, [{ username: "grace", path: null }]);
    const why =
      "migration 2 (fill gaps of original user) cannot be applied: " +
      "Data too long for column 'profile_path'";
    const { exitCode, output } = await migrate(database);
    expect({ exitCode, output }).toEqual({ exitCode: 3, output: expect.stringContaining(why) });
    await expect(open(database)).rejects.toThrow(why);
  });

  it("a converted table without a unique key gets one, or the message names the duplicates", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("DELETE FROM migration WHERE version = 4");
    await database.query("ALTER TABLE user DROP KEY uk_username");
    await insertOriginal(database, [{ username: "Grace" }, { username: "grace" }]);
    await insertOriginal(database, [{ username: "grace" }]);
    const { exitCode, output } = await migrate(database);
    expect(exitCode).toBe(3);
    expect(output).toMatch(
      /: migration 4 \(unique names of original user\) cannot be applied: .* \(id 2, 3\)\n$/,
    );
    await database.query("DELETE FROM user WHERE id = 3");
    expect((await migrate(database)).exitCode).toBe(0);
    expect(await keys(database)).toContain("uk_username: username, unique");
  });
  it("a table that already has a key beginning with the picture gets no second one", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await database.query("ALTER TABLE user ADD KEY own (profile_path, nickname)");
    expect((await migrate(database)).exitCode).toBe(0);
    expect(await keys(database)).not.toContain(BY_PICTURE);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });

  it("a table that already has our column disabled_at keeps it, and who is disabled", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await database.query("ALTER TABLE user ADD disabled_at datetime NULL");
    await insertOriginal(database, [{ username: "grace" }, { username: "alice" }]);
    await database.query("UPDATE user SET disabled_at = '2020-02-02 02:02:02' WHERE id = 2");
    const { exitCode, output } = await migrate(database);
    expect({ exitCode, output }).toEqual({
      exitCode: 0,
      output: expect.not.stringContaining("migration 6"),
    });
    await using storage = await open(database);
    expect(await storage.users.find("grace")).toMatchObject({ isDisabled: false });
    expect(await storage.users.findAccount("alice")).toMatchObject({
      createdAt: "2019-06-01T10:00:00.000Z",
      modifiedAt: "2019-06-02T10:00:00.000Z",
      disabledAt: "2020-02-02T02:02:02.000Z",
    });
  });

  it("fills gaps that the original system left after the first fill", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("DELETE FROM migration WHERE version > 2");
    await database.query("DROP TABLE user");
    await createOriginal(database, "CHARACTER SET latin1");
    await database.query("INSERT INTO user (username, password) VALUES ('grace', 'x')");
    expect(await migrate(database)).toMatchObject({ exitCode: 0 });
    expect(await database.query("SELECT username, nickname, profile_path FROM user")).toEqual([
      { username: "grace", nickname: "grace", profile_path: "default.webp" },
    ]);
  });

  it("after the migration, servers run as a user with the right to read and write rows only", async () => {
    await using database = await openDatabase();
    const url = new URL(database.databaseUrl);
    const name = url.pathname.slice(1);
    await database.query(`CREATE USER server_of_${name} IDENTIFIED BY 'secret'`);
    await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.* TO server_of_${name}`);
    url.username = `server_of_${name}`;
    const DATABASE_URL = url.href;
    await expect(open({ ...database, databaseUrl: DATABASE_URL })).rejects.toThrow(
      /^Cannot open MySQL at .*: CREATE command denied to user /,
    );

    expect((await migrate(database)).exitCode).toBe(0);
    await using stack = await startStack({ DATABASE_URL });
    const grace = { username: "grace", password: PASSWORD };
    await stack.user.signUp(grace);
    const { sessionId } = await stack.user.signIn(grace);
    await stack.user.updateNickname({ sessionId, nickname: "Amazing" });
    expect(await stack.user.getUserInfo({ sessionId })).toMatchObject({ nickname: "Amazing" });
    // It does not take a turn, either.
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    expect((await migrate({ ...database, databaseUrl: DATABASE_URL })).exitCode).toBe(0);
    await using storage = await open({ ...database, databaseUrl: DATABASE_URL });
    await storage.users.secret("key", () => "made");
    expect(await storage.users.setDisabled("grace", true)).toBe(true);
    expect(await storage.users.delete("grace")).toBe(true);
  });

  it("a table of Portico is not altered", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("DELETE FROM migration WHERE version > 1");
    expect((await migrate(database)).output).toMatch(/^Done: MySQL at \S+ is up to date\n$/);
    expect((await migrate(database)).output).toMatch(/^Nothing to do: MySQL at /);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });
});
