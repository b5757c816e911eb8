import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { classicHash } from "../src/user/password.ts";
import { Child, freePort } from "./child.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { available, type MariaDb, sharedMariaDb, startMariaDb } from "./mariadb.ts";
import { startStack } from "./stack.ts";
import {
  createFolder,
  eventually,
  type Location,
  open,
  PAIRS,
  recordingLog,
  user,
} from "./storage-pairs.ts";

// Tables are brought up to date by `bun run migrate`, or by a server that starts.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const it = test.skipIf(!available);

const CREATE_USER = " +1  create user                    ";
const FILL_GAPS = " +2  fill gaps of original user     ";
const CONVERT = " +3  convert original user          ";
const UNIQUE_NAMES = " +4  unique names of original user  ";
const APPLIED = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC";

function startMigrate({ databaseUrl, dataDir }: Location, args: readonly string[] = []): Child {
  const environment = { DATA_DIR: dataDir, ...(databaseUrl && { DATABASE_URL: databaseUrl }) };
  return new Child("src/migrate-main.ts", { environment, args });
}

async function migrate(location: Location, ...args: string[]) {
  await using child = startMigrate(location, args);
  return { exitCode: await child.exited(), output: child.output };
}

/** An empty MySQL database, and a raw connection to it. */
async function openDatabase(server?: MariaDb) {
  const databaseUrl = await (server ?? (await sharedMariaDb())).createDatabase();
  const folder = await createFolder();
  const rows = await openRowsAt(databaseUrl, folder.dataDir);
  return {
    databaseUrl,
    dataDir: folder.dataDir,
    query: rows.query,
    async [Symbol.asyncDispose]() {
      await rows[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The table as the original system made it, with the defaults of its server. */
async function createOriginal(rows: Pick<Rows, "query">, charset: string): Promise<void> {
  await rows.query(`CREATE TABLE user (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    gmt_create   datetime,
    gmt_modified datetime,
    username     varchar(64) UNIQUE,
    nickname     varchar(64),
    password     varchar(64),
    salt         char(4),
    profile_path varchar(128)
  ) ${charset}`);
}

async function insertOriginal(rows: Pick<Rows, "query">, users: readonly OriginalUser[]) {
  for (const { username, nickname = "Nick", salt = "a1b2", path = "me.png" } of users) {
    await rows.query(
      `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES ('2019-06-01 10:00:00', '2019-06-02 10:00:00', ?, ?, ?, ?, ?)`,
      [username, nickname, classicHash(PASSWORD, salt ?? ""), salt, path],
    );
  }
}

interface OriginalUser {
  readonly username: string;
  readonly nickname?: string | null;
  readonly salt?: string | null;
  readonly path?: string | null;
}

const PASSWORD = "hopper1906";

/** Many rows, so that to convert them takes a while. */
async function insertMany(rows: Pick<Rows, "query">, count: number): Promise<void> {
  await rows.query(
    `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
     SELECT NOW(), NOW(), CONCAT('many', seq), CONCAT('n', seq), MD5(seq), 'salt', 'me.png'
     FROM seq_1_to_${count}`,
  );
}

/** All that is in the table, but for how it is stored. */
async function contents(rows: Pick<Rows, "query">) {
  const [found] = await rows.query(
    `SELECT COUNT(*) AS count, BIT_XOR(CRC32(CONVERT(
       CONCAT_WS('|', id, gmt_create, gmt_modified, username, nickname, password, salt,
                 profile_path) USING utf8mb4))) AS sum FROM user`,
  );
  return found;
}

async function columns(rows: Pick<Rows, "query">) {
  return rows.query(
    `SELECT column_name, column_type, collation_name, is_nullable, column_default, column_key, extra
     FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY ordinal_position`,
  );
}

/** Its keys, as in "username: username, unique". */
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

async function isAltering(rows: Pick<Rows, "query">): Promise<boolean> {
  const found = await rows.query(
    `SELECT 1 FROM information_schema.processlist
     WHERE db = DATABASE() AND info LIKE 'ALTER TABLE user%'`,
  );
  return found.length > 0;
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
      // The key that it had will do, whatever its name.
      expect(await keys(database)).toEqual(["PRIMARY: id, unique", "username: username, unique"]);
      expect(await keys(fresh)).toEqual(["PRIMARY: id, unique", "uk_username: username, unique"]);
      const after = await database.query("SELECT * FROM user ORDER BY id");
      expect(after).toEqual(
        before.map((row) =>
          row.nickname === null
            ? { ...row, nickname: "empty-ha", salt: "", profile_path: "default.webp" }
            : row,
        ),
      );
      await using stack = await startStack({ DATABASE_URL: database.databaseUrl });
      for (const { username, nickname } of after) {
        const credentials = { username: String(username), password: PASSWORD };
        const { sessionId } = await stack.user.signIn(credentials);
        expect(await stack.user.getUserInfo({ sessionId })).toMatchObject({ nickname });
        // With a hash of today, which is longer than the original column was wide.
        await stack.user.signIn(credentials);
        const [row] = await database.query("SELECT password FROM user WHERE username = ?", [
          credentials.username,
        ]);
        expect(row?.password).toMatch(/^\$argon2id\$/);
        await stack.user.updateNickname({ sessionId, nickname: "😀" });
      }
      // In another case it is another user.
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
      obstacle: "names that differ in nothing but spaces at the end",
      charset: "CHARACTER SET utf8 COLLATE utf8_general_nopad_ci",
      sql: "INSERT INTO user (username, password) VALUES ('bob', 'x'), ('alice', 'x'), ('bob ', 'x')",
      why:
        "migration 3 (convert original user) cannot be applied: rename or delete users until " +
        "no two have one name, spaces at its end aside (id 2, 4)",
      heal: "DELETE FROM user WHERE username LIKE 'bob '",
    },
    {
      obstacle: "names that are there twice, since no key forbids it",
      sql: `ALTER TABLE user DROP KEY username;
        INSERT INTO user (username, password) VALUES
          ('müller', 'x'), ('bob', 'x'), ('Bob', 'x'), ('muller', 'x'), ('grace', 'x'), ('bob', 'x')`,
      why:
        "migration 3 (convert original user) cannot be applied: rename or delete users until " +
        "no two have one name, spaces at its end aside (id 3, 7, 1, 6)",
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
      // A server has nothing to wait for, either.
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
      const expected = ["PRIMARY: id, unique", "uk_username: username, unique", ...more].sort();
      expect((await keys(database)).sort()).toEqual(expected);
      await using storage = await open(database);
      expect(await storage.users.insert(user("Grace"))).toBe(false);
      expect(await storage.users.insert(user("grace"))).toBe(true);
    });
  }

  it("says what MySQL says of a value that nobody looked for", async () => {
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

  it("a table that was converted without a unique key gets one, or says which names double", async () => {
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

  it("goes on after the one who migrates was killed in the middle", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await insertMany(database, 150_000);
    const before = await contents(database);
    {
      await using child = startMigrate(database);
      await eventually("it converts", () => isAltering(database));
      child.kill("SIGKILL");
      await child.exited();
      expect(child.output).not.toContain("Done");
    }
    expect((await migrate(database)).exitCode).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
    expect(await contents(database)).toEqual(before);
  });

  it("goes on after the database was killed in the middle", async () => {
    await using server = await startMariaDb();
    let before: Awaited<ReturnType<typeof contents>>;
    let location: Location;
    {
      await using database = await openDatabase(server);
      location = { databaseUrl: database.databaseUrl, dataDir: database.dataDir };
      await database.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
      await createOriginal(database, "CHARACTER SET latin1");
      await insertMany(database, 150_000);
      before = await contents(database);
      await using child = startMigrate(location);
      await eventually("it converts", () => isAltering(database));
      await server.kill();
      expect(await child.exited()).toBe(3);
      await server.restart();
    }
    await using rows = await openRowsAt(location.databaseUrl, location.dataDir);
    expect(await contents(rows)).toEqual(before);
    expect((await migrate(location, "--status")).exitCode).toBe(1);
    expect((await migrate(location)).exitCode).toBe(0);
    expect(await contents(rows)).toEqual(before);
  });

  it("servers and commands that start at once convert it once", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await insertMany(database, 50_000);
    const before = await contents(database);
    const alters = async () => {
      const [row] = await database.query("SHOW GLOBAL STATUS LIKE 'Com_alter_table'");
      return Number(row?.Value);
    };
    const altersBefore = await alters();

    const commands = Promise.all([migrate(database), migrate(database)]);
    const opened = await Promise.all([open(database), open(database), open(database)]);

    expect((await commands).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    await Promise.all(opened.map((storage) => storage.close()));
    expect((await alters()) - altersBefore).toBe(1);
    expect(await contents(database)).toEqual(before);
    expect(await database.query("SELECT version FROM migration ORDER BY version")).toEqual([
      { version: 1 },
      { version: 2 },
      { version: 3 },
      { version: 4 },
    ]);
  });

  it("who finds another one at it says so, and waits", async () => {
    await using database = await openDatabase();
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    await using child = startMigrate(database);
    await child.waitFor(/^Waiting for the database: another server is migrating it$/m);
    expect(await database.query("SHOW TABLES")).toEqual([]);
    await database.query("SELECT RELEASE_LOCK(CONCAT('portico.', DATABASE()))");
    expect(await child.exited()).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });

  it("fills what the original system has left open since it was filled", async () => {
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

  it("gives way to a transaction that holds the table, and to those who wait behind it", async () => {
    await using database = await openDatabase();
    await createOriginal(database, "CHARACTER SET latin1");
    await using reader = await openRowsAt(database.databaseUrl, database.dataDir);
    await database.query("START TRANSACTION");
    await database.query("SELECT COUNT(*) FROM user");
    await using child = startMigrate(database);
    await child.waitFor(/^Waiting for the database: a transaction or a backup holds its table$/m);
    expect(await reader.query("SELECT COUNT(*) AS n FROM user")).toHaveLength(1);
    await database.query("COMMIT");
    expect(await child.exited()).toBe(0);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });

  it("a server says that MySQL has frozen, and goes on by itself when it is back", async () => {
    await using server = await startMariaDb();
    await using database = await openDatabase(server);
    await createOriginal(database, "CHARACTER SET latin1");
    await insertOriginal(database, [{ username: "grace" }]);
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    const { log, messages } = recordingLog();
    const opening = open(database, { log });
    await eventually("it waits for its turn", async () => {
      const waiting = await database.query(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT GET_LOCK%'",
      );
      return waiting.length > 0;
    });
    process.kill(server.pid, "SIGSTOP");
    const where = `MySQL at ${new URL(server.url).host} (DATABASE_URL)`;
    await eventually("it says so", async () => messages.includes(`warn waiting for ${where}`));
    process.kill(server.pid, "SIGCONT");

    await database.query("SELECT RELEASE_LOCK(CONCAT('portico.', DATABASE()))");
    await using storage = await opening;
    expect(messages).toContain(`info connected to ${where}`);
    expect(await storage.users.find("grace")).toMatchObject({ nickname: "Nick" });
  });

  it("once migrated, servers run as a user who may only read and write rows", async () => {
    await using database = await openDatabase();
    const url = new URL(database.databaseUrl);
    const name = url.pathname.slice(1);
    await database.query(`CREATE USER server_of_${name} IDENTIFIED BY 'secret'`);
    await database.query(`GRANT SELECT, INSERT, UPDATE ON ${name}.* TO server_of_${name}`);
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
    // It asks for nobody's turn, either.
    await database.query("SELECT GET_LOCK(CONCAT('portico.', DATABASE()), 0)");
    expect((await migrate({ ...database, databaseUrl: DATABASE_URL })).exitCode).toBe(0);
    await using _storage = await open({ ...database, databaseUrl: DATABASE_URL });
  });

  it("a table that is ours already is not altered", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("DELETE FROM migration WHERE version > 1");
    expect((await migrate(database)).output).toMatch(/^Done: MySQL at \S+ is up to date\n$/);
    expect((await migrate(database)).output).toMatch(/^Nothing to do: MySQL at /);
    expect((await migrate(database, "--status")).exitCode).toBe(0);
  });
});

describe("bun run migrate", () => {
  it("--status on MySQL lists what is applied and what is pending, and changes nothing", async () => {
    await using database = await openDatabase();
    const pending = [CREATE_USER, FILL_GAPS, CONVERT, UNIQUE_NAMES]
      .map((line) => `${line}pending\n`)
      .join("");
    expect(await migrate(database, "--status")).toEqual({
      exitCode: 1,
      output: expect.stringMatching(
        new RegExp(
          `^MySQL at 127\\.0\\.0\\.1:\\d+/test_\\d+\n${pending}4 pending: bun run migrate\n$`,
        ),
      ),
    });
    expect(await database.query("SHOW TABLES")).toEqual([]);

    await migrate(database);
    await database.query("DELETE FROM migration WHERE version = 2");
    await database.query("INSERT INTO migration VALUES (9, 'of tomorrow', '2040-01-02 03:04:05')");
    expect(await migrate(database, "--status")).toEqual({
      exitCode: 1,
      output: expect.stringMatching(
        new RegExp(
          `\n${CREATE_USER}${APPLIED}\n${FILL_GAPS}pending\n${CONVERT}${APPLIED}\n` +
            `${UNIQUE_NAMES}${APPLIED}\n` +
            " +9 +of tomorrow +2040-01-02 03:04:05 UTC, by a newer version\n1 pending: ",
        ),
      ),
    });
  });

  test("--status on SQLite does the same, and leaves no file behind", async () => {
    await using folder = await createFolder();
    const first = await migrate(folder, "--status");
    expect(first.exitCode).toBe(1);
    expect(first.output).toMatch(
      /^SQLite in \S+\n {2}1 {2}create user +pending\n[\s\S]*\n3 pending: bun run migrate\n$/,
    );
    expect(await readdir(folder.dataDir)).toEqual([]);
    expect(await migrate(folder)).toMatchObject({ exitCode: 0 });
    const path = join(folder.dataDir, "portico.sqlite");
    const before = await Bun.file(path).bytes();

    const { exitCode, output } = await migrate(folder, "--status");

    expect({ exitCode, lines: output.match(new RegExp(APPLIED, "g")) }).toEqual({
      exitCode: 0,
      lines: [expect.anything(), expect.anything(), expect.anything()],
    });
    expect(await readdir(folder.dataDir)).toEqual(["portico.sqlite"]);
    expect(await Bun.file(path).bytes()).toEqual(before);
  });

  test("--status on SQLite leaves a running server its files", async () => {
    await using folder = await createFolder();
    await using storage = await open(folder);
    await storage.users.insert(user("grace"));
    const before = (await readdir(folder.dataDir)).sort();
    expect(before).toEqual(["portico.sqlite", "portico.sqlite-shm", "portico.sqlite-wal"]);
    expect((await migrate(folder, "--status")).exitCode).toBe(0);
    expect((await readdir(folder.dataDir)).sort()).toEqual(before);
    await storage.users.insert(user("alice"));
    expect(await storage.users.find("grace")).toBeDefined();
  });

  test("waits for who is creating the SQLite file", async () => {
    await using folder = await createFolder();
    const file = new Database(join(folder.dataDir, "portico.sqlite"));
    file.run("BEGIN EXCLUSIVE");
    await using child = startMigrate(folder);
    // Longer than SQLite itself waits.
    await Bun.sleep(3_000);
    file.run("COMMIT");
    expect(await child.exited()).toBe(0);
    expect(child.output).toStartWith("Done: SQLite in ");
    file.close();
  });

  for (const { name, available, createLocation } of PAIRS) {
    test.skipIf(!available)(`many at once migrate ${name} once`, async () => {
      await using location = await createLocation();
      const all = await Promise.all(Array.from({ length: 5 }, () => migrate(location)));
      expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
      expect((await migrate(location, "--status")).exitCode).toBe(0);
    });
  }

  test("ends with 2 for wrong arguments, and 3 where nobody answers", async () => {
    await using folder = await createFolder();
    expect(await migrate(folder, "--state")).toEqual({
      exitCode: 2,
      output: "Unknown option '--state': see `bun run migrate --help`\n",
    });
    const databaseUrl = `mysql://portico:s3cret@127.0.0.1:${freePort()}/portico`;
    for (const args of [[], ["--status"]]) {
      const { exitCode, output } = await migrate({ ...folder, databaseUrl }, ...args);
      expect(exitCode).toBe(3);
      expect(output).toMatch(/^Cannot read MySQL at 127\.0\.0\.1:\d+\/portico \(DATABASE_URL\): /);
      expect(output).not.toContain("s3cret");
    }
  });
});
