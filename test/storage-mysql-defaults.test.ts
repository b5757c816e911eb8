import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { userDatabase } from "../src/storage/user-database.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { available, type MariaDb, startMariaDb } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { createFolder, open, silent, user } from "./storage-pairs.ts";

// A MySQL with the most unhelpful defaults: each connection must set everything that it relies on.
// The server is this file's own, whatever TEST_DATABASE_URL says.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

/** What the server runs at each connection of a user without SUPER. */
const INIT_CONNECT = [
  "NAMES latin1",
  "autocommit = 0",
  "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
  "tx_isolation = 'READ-UNCOMMITTED'",
  "tx_read_only = 1",
  "unique_checks = 0",
  "foreign_key_checks = 0",
  "completion_type = 1",
  "sql_safe_updates = 1",
  "sql_auto_is_null = 1",
  "sql_select_limit = 1",
  "max_join_size = 1",
  "sql_big_selects = 0",
  "wait_timeout = 1",
  "innodb_lock_wait_timeout = 1000",
  "lock_wait_timeout = 1000",
  "max_statement_time = 5",
  "time_zone = '+05:30'",
];

const SERVERS = {
  "autocommit=0 as its default": ["--autocommit=0"],
  "latin1, whatever the client says": [
    "--skip-character-set-client-handshake",
    "--character-set-server=latin1",
    `--init-connect=SET ${INIT_CONNECT.join(", ")}`,
  ],
};

describe.skipIf(!available).each(Object.entries(SERVERS))("MySQL: %s", (_, moreOptions) => {
  let server: MariaDb;
  beforeAll(async () => {
    server = await startMariaDb({ moreOptions });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** An empty database, a user with rights on it alone, and raw rows read by another user. */
  async function openOrdinary() {
    await using owned = new AsyncDisposableStack();
    const databaseUrl = await server.createDatabase();
    const { dataDir } = owned.use(await createFolder());
    const rows: Rows = owned.use(await openRowsAt(databaseUrl, dataDir));
    const url = new URL(databaseUrl);
    const name = url.pathname.slice(1);
    await rows.query("SET autocommit = 1");
    await rows.query(`CREATE USER IF NOT EXISTS ordinary IDENTIFIED BY 'secret'`);
    await rows.query(`GRANT ALL ON ${name}.* TO ordinary`);
    url.username = "ordinary";
    const moved = owned.move();
    return {
      databaseUrl: url.href,
      dataDir,
      query: rows.query,
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  }

  test("values are committed, with the characters that were sent", async () => {
    await using database = await openOrdinary();
    expect((await migrate(database)).exitCode).toBe(0);
    expect(await database.query("SELECT COUNT(*) AS steps FROM migration")).not.toEqual([
      { steps: 0 },
    ]);
    await using storage = await open(database);
    const { users } = storage;
    const grace = user("grâce", { nickname: "王小明😀" });

    expect(await users.insert(grace)).toBe(true);
    expect(await users.insert(grace)).toBe(false);
    expect(await users.find("grâce")).toMatchObject(grace);
    expect(await users.find("grace")).toBeUndefined();
    expect(await users.setNickname("grâce", "é😀")).toBe(true);
    await Promise.all(Array.from({ length: 40 }, (_, n) => users.insert(user(`ünï${n}`))));
    const names = Array.from({ length: 40 }, (_, n) => `ünï${n}`);
    expect(await Promise.all(names.map((name) => users.find(name)))).toMatchObject(
      names.map((username) => ({ username })),
    );

    // Through another connection, byte for byte.
    expect(
      await database.query(
        "SELECT HEX(username) AS name, HEX(nickname) AS nick, salt FROM user WHERE id = 1",
      ),
    ).toEqual([
      {
        name: Buffer.from("grâce").toString("hex").toUpperCase(),
        nick: Buffer.from("é😀").toString("hex").toUpperCase(),
        salt: "",
      },
    ]);
  });

  test("accounts and secrets are the same as with other defaults", async () => {
    await using database = await openOrdinary();
    await using storage = await open(database);
    const { users } = storage;
    // More accounts than the server returns by default, and a name that is a pattern elsewhere.
    await users.insert(user("grâ_\\e", { salt: "a" }));
    await users.insert(user("grâ_\\f"));
    await users.insert(user("grâxe"));
    expect(await users.setDisabled("grâ_\\e", true)).toBe(true);
    const account = await users.findAccount("grâ_\\e");
    expect(Math.abs(Date.parse(account?.disabledAt ?? "") - Date.now())).toBeLessThan(60_000);
    const found = await users.search("grâ_\\", undefined, 10);
    expect(found.map(({ username }) => username)).toEqual(["grâ_\\e", "grâ_\\f"]);
    const secret = await users.secret("kéy", () => "王\\'😀");
    expect(await users.secret("kéy", () => "another")).toBe(secret);
    expect(await database.query("SELECT HEX(value) AS value FROM secret")).toEqual([
      { value: Buffer.from(secret).toString("hex").toUpperCase() },
    ]);
    const stored = { password: user("").password, salt: "a" };
    expect(await users.delete("grâ_\\e", stored)).toBe(true);
    expect(await database.query("SELECT COUNT(*) AS users FROM user")).toEqual([{ users: 2 }]);
  });

  test("an idle connection outlives the server's wait_timeout", async () => {
    await using database = await openOrdinary();
    await using storage = await open(database);
    await storage.users.insert(user("grace"));
    await Bun.sleep(1_500);
    expect(await storage.users.setNickname("grace", "new")).toBe(true);
  });

  test("a seed has committed what it reports", async () => {
    await using database = await openOrdinary();
    const events = { waiting: () => undefined, applying: () => undefined };
    const openSeed = () => userDatabase(database).openSeed((n) => `tést${n}`, events);
    const seed = await openSeed();
    await seed.advance(250, (n) => user(`tést${n}`));
    await seed.advance(500, (n) => user(`tést${n}`));
    await seed.close();

    const again = await openSeed();
    expect(await again.progress()).toEqual({ next: 500, taken: 0 });
    await again.close();
    await using storage = await open(database, { log: silent });
    expect(await storage.users.find("tést499")).toMatchObject({ nickname: "nick tést499" });
  });
});
