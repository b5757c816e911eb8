import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createConnection } from "mysql2/promise";
import { available, sharedMariaDb } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { contents, createOriginal, insertOriginal } from "./original-table.ts";
import { eventually, open, recordingLog, user } from "./storage-pairs.ts";

// Tables named `user` that cannot become ours, or that nobody could sign up with: what is in the
// way is named before anything is changed. And which refusals of MySQL a start waits for.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

type Database = Awaited<ReturnType<typeof openDatabase>>;

/** The whole schema of a database. */
async function schemaOf(database: Database): Promise<unknown> {
  const tables = await database.query(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()",
  );
  return Promise.all(
    tables.map(async ({ name }) => {
      const [made] = await database.query(`SHOW CREATE TABLE ${name}`);
      // A rolled-back insert changes it.
      return JSON.stringify(made).replace(/ AUTO_INCREMENT=\d+/, "");
    }),
  );
}

const LATIN1 = "CHARACTER SET latin1";
const OBSTACLES: readonly {
  readonly obstacle: string;
  readonly charset?: string;
  readonly sql: readonly string[];
  readonly why: RegExp;
  /** Makes the table fit. */
  readonly heal: readonly string[];
}[] = [
  {
    obstacle: "an id that is not made by itself",
    sql: ["ALTER TABLE user MODIFY id bigint NOT NULL"],
    why: /Field 'id' doesn't have a default value/,
    heal: ["ALTER TABLE user MODIFY id bigint NOT NULL AUTO_INCREMENT"],
  },
  {
    obstacle: "an id that is always 0",
    sql: ["ALTER TABLE user MODIFY id bigint NOT NULL DEFAULT 0"],
    why: /Duplicate entry '0' for key 'PRIMARY'/,
    heal: ["ALTER TABLE user MODIFY id bigint NOT NULL AUTO_INCREMENT"],
  },
  {
    obstacle: "a column of its own without a default",
    sql: ["ALTER TABLE user ADD region varchar(8) NOT NULL"],
    why: /Field 'region' doesn't have a default value/,
    heal: ["ALTER TABLE user MODIFY region varchar(8) NOT NULL DEFAULT 'eu'"],
  },
  {
    obstacle: "the same in MyISAM",
    charset: `ENGINE = MyISAM ${LATIN1}`,
    sql: ["ALTER TABLE user ADD region varchar(8) NOT NULL"],
    why: /Field 'region' doesn't have a default value/,
    heal: ["ALTER TABLE user DROP region"],
  },
  {
    obstacle: "a unique column with one default for all",
    sql: ["ALTER TABLE user ADD email varchar(64) DEFAULT '' NOT NULL, ADD UNIQUE KEY (email)"],
    why: /Duplicate entry '' for key 'email'/,
    heal: ["ALTER TABLE user MODIFY email varchar(64)", "UPDATE user SET email = NULL"],
  },
  {
    obstacle: "a CHECK that our passwords break",
    sql: ["ALTER TABLE user ADD CONSTRAINT hashed CHECK (CHAR_LENGTH(password) = 32)"],
    why: /CONSTRAINT `hashed` failed/,
    heal: ["ALTER TABLE user DROP CONSTRAINT hashed"],
  },
  {
    obstacle: "a trigger that refuses",
    sql: [
      `CREATE TRIGGER no_more BEFORE INSERT ON user FOR EACH ROW
       SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'registration is closed'`,
    ],
    why: /registration is closed/,
    heal: ["DROP TRIGGER no_more"],
  },
  {
    obstacle: "a trigger that changes what is written",
    sql: ["CREATE TRIGGER upper BEFORE UPDATE ON user FOR EACH ROW SET NEW.nickname = 'NO'"],
    why: /does not store what is written to nickname/,
    heal: ["DROP TRIGGER upper"],
  },
  {
    obstacle: "a foreign key of an id with a default that does not exist",
    sql: [
      "CREATE TABLE region (id bigint PRIMARY KEY)",
      `ALTER TABLE user ADD region_id bigint,
       ADD CONSTRAINT lives_in FOREIGN KEY (region_id) REFERENCES region (id)`,
      "ALTER TABLE user ALTER region_id SET DEFAULT 7",
    ],
    why: /foreign key constraint fails .*`lives_in`/,
    heal: ["INSERT INTO region VALUES (7)"],
  },
  {
    obstacle: "a column disabled_at of another type",
    sql: ["ALTER TABLE user ADD disabled_at bigint"],
    why: /migration 6 .*: rename or drop the column disabled_at .* \(it is bigint/,
    heal: ["ALTER TABLE user DROP disabled_at"],
  },
  {
    obstacle: "a column disabled_at that is never null",
    sql: ["ALTER TABLE user ADD disabled_at datetime NOT NULL DEFAULT '2999-01-01'"],
    why: /migration 6 .*: rename or drop the column disabled_at .* \(it is datetime\)/,
    heal: ["ALTER TABLE user CHANGE disabled_at gone_at datetime NOT NULL DEFAULT '2999-01-01'"],
  },
  {
    obstacle: "a column disabled_at with a time as its default",
    sql: ["ALTER TABLE user ADD disabled_at datetime NULL DEFAULT CURRENT_TIMESTAMP"],
    why: /migration 6 .*: rename or drop the column disabled_at .* \(it is datetime\)/,
    heal: ["ALTER TABLE user MODIFY disabled_at datetime NULL"],
  },
  {
    obstacle: "a foreign key to the name",
    sql: [
      `CREATE TABLE note (author varchar(64), CONSTRAINT by_name FOREIGN KEY (author)
       REFERENCES user (username)) ${LATIN1}`,
    ],
    why: /migration 3 .*: drop the foreign keys .* \(foreign key note\.by_name\)/,
    heal: ["ALTER TABLE note DROP FOREIGN KEY by_name"],
  },
  {
    obstacle: "partitions",
    sql: [
      "ALTER TABLE user DROP KEY username",
      "ALTER TABLE user PARTITION BY HASH (id) PARTITIONS 2",
    ],
    why: /migration 3 .*: ALTER TABLE user REMOVE PARTITIONING.* \(partition p0, p1\)/,
    heal: ["ALTER TABLE user REMOVE PARTITIONING"],
  },
  {
    obstacle: "a column that is made of one of ours",
    sql: [
      "ALTER TABLE user ADD first char(1) AS (LEFT(username, 1)) PERSISTENT CHECK (first <> 't')",
    ],
    why: /CONSTRAINT .* failed/,
    heal: ["ALTER TABLE user DROP first"],
  },
  {
    obstacle: "a key that is too long in our characters",
    sql: ["ALTER TABLE user ROW_FORMAT = COMPACT, ADD KEY wide (password)"],
    why: /migration 3 .*: .*maximum column size is 767 bytes/,
    heal: ["ALTER TABLE user DROP KEY wide"],
  },
];

describe.skipIf(!available)("a table named user with", () => {
  test.each(OBSTACLES)("$obstacle is not changed", async (each) => {
    await using database = await openDatabase();
    await createOriginal(database, each.charset ?? LATIN1);
    await insertOriginal(database, [{ username: "grace", nickname: null }]);
    for (const sql of each.sql) await database.query(sql);
    const [before, schemaBefore] = [await contents(database), await schemaOf(database)];

    const { exitCode, output } = await migrate(database);
    expect({ exitCode, output }).toEqual({ exitCode: 3, output: expect.stringMatching(each.why) });
    // A server does not wait, either.
    await expect(open(database)).rejects.toThrow(each.why);
    expect(await contents(database)).toEqual(before);
    expect(await schemaOf(database)).toEqual(schemaBefore);

    for (const sql of each.heal) await database.query(sql);
    expect(await migrate(database)).toMatchObject({ exitCode: 0 });
    await using storage = await open(database);
    expect(await storage.users.insert(user("alice"))).toBe(true);
    expect(await storage.users.setNickname("alice", "new")).toBe(true);
    expect(await database.query("SELECT username FROM user ORDER BY id")).toEqual([
      { username: "grace" },
      { username: "alice" },
    ]);
  });

  test("a view named user stops the migration", async () => {
    await using database = await openDatabase();
    await createOriginal(database, LATIN1);
    await database.query("RENAME TABLE user TO person");
    await database.query("CREATE VIEW user AS SELECT * FROM person");
    const why = /migration 1 .*: rename what is named user: .* \(it is a VIEW\)/;
    expect(await migrate(database)).toMatchObject({
      exitCode: 3,
      output: expect.stringMatching(why),
    });
    await expect(open(database)).rejects.toThrow(why);
  });

  test("a new column without a default is named even if nothing is pending", async () => {
    await using database = await openDatabase();
    await migrate(database);
    await database.query("ALTER TABLE user ADD region varchar(8) NOT NULL");
    const why = "Field 'region' doesn't have a default value";
    expect(await migrate(database)).toMatchObject({
      exitCode: 3,
      output: expect.stringContaining(why),
    });
    await expect(open(database)).rejects.toThrow(why);
  });
});

describe.skipIf(!available)("a start", () => {
  /** A user of one database, with the rights of `grant`. */
  async function createUser(database: Database, more: string): Promise<string> {
    const url = new URL(database.databaseUrl);
    const name = url.pathname.slice(1);
    url.username = `user_of_${name}`;
    await database.query(`CREATE USER ${url.username} IDENTIFIED BY 'secret' ${more}`);
    await database.query(`GRANT ALL ON ${name}.* TO ${url.username}`);
    return url.href;
  }

  test("waits while its user has too many connections", async () => {
    await using database = await openDatabase();
    const databaseUrl = await createUser(database, "WITH MAX_USER_CONNECTIONS 1");
    const other = await createConnection(databaseUrl);
    const { log, messages } = recordingLog();
    const opening = open({ ...database, databaseUrl }, { log });
    await eventually("it waits", async () => messages.length > 0);
    expect(messages).toEqual([expect.stringMatching(/^warn waiting for MySQL at /)]);
    await other.end();
    await using storage = await opening;
    expect(await storage.users.insert(user("grace"))).toBe(true);
  });

  test("does not wait if its account is locked or lacks rights", async () => {
    await using database = await openDatabase();
    const locked = await createUser(database, "ACCOUNT LOCK");
    const { hostname, port } = new URL((await sharedMariaDb()).url);
    await expect(open({ ...database, databaseUrl: locked })).rejects.toThrow(
      new RegExp(
        `^Cannot open MySQL at ${hostname}:${port} \\(DATABASE_URL\\): .*account is locked`,
      ),
    );
    await database.query("CREATE USER IF NOT EXISTS stranger IDENTIFIED BY 'secret'");
    const stranger = new URL(database.databaseUrl);
    stranger.username = "stranger";
    await expect(open({ ...database, databaseUrl: stranger.href })).rejects.toThrow(
      /Access denied for user 'stranger'/,
    );
  });
});
