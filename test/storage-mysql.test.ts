import { expect, setDefaultTimeout, test } from "bun:test";
import { inspect } from "node:util";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { MYSQL_MIGRATIONS } from "../src/storage/mysql/migrations.ts";
import { StorageError } from "../src/user/stores.ts";
import { sharedAvailable as available, sharedMariaDb, unsharedMariaDb } from "./mariadb.ts";
import { createFolder, open, recordingLog, user } from "./storage-pairs.ts";

// What users in MySQL promise beyond src/user/stores.ts: the table, whatever the defaults of the
// server are, and the number of statements of look-ups. test/mariadb.ts sets unhelpful defaults.

// The shared MariaDB may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const it = test.skipIf(!available);

/** How MySQL writes a primary key, a unique key and another key. */
const INDEXED: Readonly<Record<string, string>> = {
  id: "PRI",
  username: "UNI",
  profile_path: "MUL",
};

/** Users in an empty MySQL database, and a raw connection to it. */
async function openMysql(server = sharedMariaDb()) {
  const databaseUrl = await (await server).createDatabase();
  const folder = await createFolder();
  const storage = await open({ databaseUrl, dataDir: folder.dataDir });
  const raw = await createConnection({ uri: databaseUrl, dateStrings: true });
  return {
    users: storage.users,
    async rows(sql: string): Promise<Record<string, unknown>[]> {
      const [rows] = await raw.query<RowDataPacket[]>(sql);
      // An update has no rows.
      return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : [];
    },
    async [Symbol.asyncDispose]() {
      await raw.end();
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("MySQL: the table user is as documented", async () => {
  await using mysql = await openMysql();

  const columns = await mysql.rows(
    `SELECT column_name AS name, column_type AS type, collation_name AS collation,
            column_key AS indexed, is_nullable AS nullable, extra AS extra
     FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY ordinal_position`,
  );
  const tables = await mysql.rows(
    `SELECT engine AS engine, table_collation AS collation FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name = 'user'`,
  );

  const column = (name: string, type: string, collation: string | null) => ({
    name,
    type,
    collation,
    indexed: INDEXED[name] ?? "",
    nullable: name === "disabled_at" ? "YES" : "NO",
    extra: name === "id" ? "auto_increment" : "",
  });
  // MariaDB gives integers a display width, MySQL 8 does not.
  expect(
    columns.map((each) => ({ ...each, type: String(each.type).replace("bigint(20)", "bigint") })),
  ).toEqual([
    column("id", "bigint", null),
    column("gmt_create", "datetime", null),
    column("gmt_modified", "datetime", null),
    column("username", "varchar(64)", "utf8mb4_bin"),
    column("nickname", "varchar(64)", "utf8mb4_bin"),
    column("password", "varchar(255)", "utf8mb4_bin"),
    column("salt", "char(4)", "utf8mb4_bin"),
    column("profile_path", "varchar(128)", "utf8mb4_bin"),
    column("disabled_at", "datetime", null),
  ]);
  expect(tables).toEqual([{ engine: "InnoDB", collation: "utf8mb4_bin" }]);
});

it("MySQL: times are in UTC, and an update changes only gmt_modified", async () => {
  await using mysql = await openMysql();
  await mysql.users.insert(user("grace"));
  const times = async () => {
    const [row] = await mysql.rows("SELECT gmt_create, gmt_modified FROM user");
    return [Date.parse(`${row?.gmt_create}Z`), Date.parse(`${row?.gmt_modified}Z`)] as const;
  };
  const [createdMs, modifiedMs] = await times();
  expect(Math.abs(createdMs - Date.now())).toBeLessThan(60_000);
  expect(modifiedMs).toBe(createdMs);
  const updates = [
    () => mysql.users.setNickname("grace", "x"),
    () => mysql.users.setProfilePath("grace", "x"),
    () => mysql.users.replacePassword("grace", user("grace"), { password: "x", salt: "" }),
    () => mysql.users.setPassword("grace", { password: "y", salt: "" }),
    () => mysql.users.setDisabled("grace", true),
  ];

  for (const update of updates) {
    const [, beforeMs] = await times();
    // DATETIME has whole seconds.
    await Bun.sleep(1_100);
    await update();
    const [stillCreatedMs, afterMs] = await times();
    expect(afterMs).toBeGreaterThan(beforeMs);
    expect(stillCreatedMs).toBe(createdMs);
  }
});

it("MySQL: accounts have the same times, whatever the time zone of the server is", async () => {
  const server = unsharedMariaDb();
  await using admin = await createConnection({ uri: await (await server).createDatabase() });
  const [[zone]] = await admin.query<RowDataPacket[]>("SELECT @@GLOBAL.time_zone AS was");
  try {
    for (const offset of ["+13:00", "-12:00", "+05:45"]) {
      await admin.query("SET GLOBAL time_zone = ?", [offset]);
      await using mysql = await openMysql(server);
      await mysql.users.insert(user("grace"));
      await mysql.users.setDisabled("grace", true);
      const account = await mysql.users.findAccount("grace");
      for (const time of [account?.createdAt, account?.modifiedAt, account?.disabledAt]) {
        expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
        expect(Math.abs(Date.parse(time ?? "") - Date.now())).toBeLessThan(60_000);
      }
    }
  } finally {
    await admin.query("SET GLOBAL time_zone = ?", [zone?.was]);
  }
});

it("MySQL: an account of the original system may have a time that does not exist", async () => {
  await using mysql = await openMysql();
  await mysql.users.insert(user("grace"));
  await mysql.rows("SET sql_mode = ''");
  await mysql.rows(
    "UPDATE user SET gmt_create = '0000-00-00', gmt_modified = '2019-00-00', disabled_at = '0000-00-00'",
  );
  const unknown = "1970-01-01T00:00:00.000Z";
  const account = { createdAt: unknown, modifiedAt: unknown, disabledAt: unknown };
  expect(await mysql.users.findAccount("grace")).toMatchObject(account);
  expect(await mysql.users.search("grace", undefined, 1)).toMatchObject([account]);
  expect(await mysql.users.find("grace")).toMatchObject({ isDisabled: true });
});

it("MySQL: a value too long for its column is refused, not cut", async () => {
  await using mysql = await openMysql();

  const tooLong = user("grace", { nickname: "x".repeat(65), password: "s3cr3t" });
  const error = await mysql.users.insert(tooLong).catch((error: unknown) => error);

  expect(error).toBeInstanceOf(StorageError);
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("s3cr3t");
  expect(await mysql.rows("SELECT * FROM user")).toEqual([]);
  expect(await mysql.users.insert(user("grace", { nickname: "😀".repeat(64) }))).toBe(true);
});

it("MySQL: look-ups of one turn of the event loop share their statements", async () => {
  await using mysql = await openMysql(unsharedMariaDb());
  const statements = async () => {
    const [row] = await mysql.rows("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'");
    return Number(row?.Value);
  };
  const before = await statements();

  await Promise.all(Array.from({ length: 256 }, (_, i) => mysql.users.find(`user${i}`)));

  expect((await statements()) - before).toBe(2);
});

it("MySQL: servers that start together migrate one after the other, without an error", async () => {
  await using folder = await createFolder();
  const databaseUrl = await (await sharedMariaDb()).createDatabase();
  const { log, messages } = recordingLog();

  const opened = await Promise.all(
    Array.from({ length: 10 }, () => open({ databaseUrl, ...folder }, { log })),
  );

  await Promise.all(opened.map((storage) => storage.close()));
  const others = messages.filter((message) => !message.startsWith("info connected to"));
  // Each migration runs at most once.
  expect(others.length).toBeGreaterThan(0);
  expect(others.length).toBeLessThanOrEqual(MYSQL_MIGRATIONS.length);
  for (const other of others) expect(other).toStartWith("info migrating MySQL at ");
});

it("MySQL: a process that was suspended does not send an update after its time", async () => {
  await using mysql = await openMysql();
  await mysql.users.insert(user("grace", { nickname: "old" }));

  const late = mysql.users.setNickname("grace", "new");
  // Longer than the limit of a statement.
  Bun.sleepSync(3_000);

  await expect(late).rejects.toThrow("no time is left to send the statement");
  expect(await mysql.rows("SELECT nickname FROM user")).toEqual([{ nickname: "old" }]);
  expect((await mysql.users.find("grace"))?.nickname).toBe("old");
});
