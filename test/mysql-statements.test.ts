import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { openRowsAt } from "./contract/rows.ts";
import { available, startMariaDb } from "./mariadb.ts";
import { createFolder, open, user } from "./storage-pairs.ts";

// Every statement that a running TCP server sends to MySQL, besides those that set a connection up.
// docs/mysql-statements.sql is for engines that understand only a part of SQL, and for tools such as
// vtexplain. UPDATE_STATEMENTS=1 writes it.

// It starts a server on a shared machine.
setDefaultTimeout(60_000);

const PAGE = join(import.meta.dir, "../docs/mysql-statements.sql");

test.skipIf(!available)(
  "docs/mysql-statements.sql has the statements of a TCP server",
  async () => {
    await using mariaDb = await startMariaDb();
    await using folder = await createFolder();
    const databaseUrl = await mariaDb.createDatabase();
    {
      await using _ = await open({ ...folder, databaseUrl });
    }
    await using log = await openRowsAt(mariaDb.url, "");
    await log.query("SET GLOBAL log_output = 'TABLE'");
    await log.query("SET GLOBAL general_log = ON");
    await useAll({ ...folder, databaseUrl });
    await log.query("SET GLOBAL general_log = OFF");

    const sent = await log.query(
      `SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log
     WHERE command_type IN ('Query', 'Prepare') AND thread_id <> CONNECTION_ID()
     ORDER BY event_time, thread_id`,
    );
    // The settings of a connection have other names on other versions.
    const statements = new Set(
      sent
        .map(({ statement }) => oneLine(String(statement)))
        .filter((each) => !/^(SET|SHOW) /.test(each)),
    );
    const page = `${[...statements].sort().join(";\n")};\n`;
    if (process.env.UPDATE_STATEMENTS) await Bun.write(PAGE, page);
    expect(page).toBe(await Bun.file(PAGE).text());
  },
);

/** Call every method of the user store. */
async function useAll(location: { databaseUrl: string; dataDir: string }): Promise<void> {
  await using storage = await open(location);
  const { users } = storage;
  const from = { password: user("grace").password, salt: "" };
  await users.ping();
  await users.insert(user("grace"));
  await users.find("grace");
  await users.findAccount("grace");
  await users.search("g", undefined, 10);
  await users.search("g", "grace", 10);
  await users.setNickname("grace", "new");
  await users.setNickname("grace", "new", "1");
  await users.setProfilePath("grace", "new.webp");
  await users.setProfilePath("grace", "new.webp", "1");
  await users.findShown(["new.webp"]);
  await users.replacePassword("grace", from, from);
  await users.setPassword("grace", from);
  await users.setDisabled("grace", true);
  await users.setDisabled("grace", false);
  await users.delete("grace", from);
  await users.delete("grace");
  await users.secret("key", () => "made");
}

/** Lists of placeholders differ only in their length. */
function oneLine(statement: string): string {
  return statement
    .replaceAll(/\s+/g, " ")
    .replaceAll(
      /(\(SELECT profile_path FROM user WHERE profile_path = \? LIMIT 1\))( UNION \1)+/g,
      "$1 UNION $1",
    )
    .replaceAll(/\?(, \?)+/g, (list) => (list.length > 30 ? "?, ?" : list));
}
