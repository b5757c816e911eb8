import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "./child.ts";
import { sharedAvailable, sharedMariaDb } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { openDatabase } from "./mysql-database.ts";
import { startStack } from "./stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** The statements of docs/storage.md, for a database that exists and a user of that name. */
async function statements(database: string, user: string): Promise<string[]> {
  const page = await Bun.file(join(ROOT, "docs/storage.md")).text();
  const [, block = ""] = /```sql\n(.*?)```/s.exec(page) ?? [];
  return block
    .replace("portico.*", `${database}.*`)
    .replaceAll(/\b(USER|TO) portico\b/g, `$1 ${user}`)
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "" && !statement.startsWith("CREATE DATABASE"));
}

describe.skipIf(!sharedAvailable)("the rights in docs/storage.md", () => {
  test("are enough to migrate, to serve and to fill the table with test users", async () => {
    await using database = await openDatabase(await sharedMariaDb());
    const url = new URL(database.databaseUrl);
    const name = url.pathname.slice(1);
    const user = `owner_of_${name}`;
    const created = await statements(name, user);
    expect(created).toHaveLength(2);
    for (const statement of created) await database.query(statement);
    url.username = user;
    url.password = "secret";
    const limited = { ...database, databaseUrl: url.href };

    expect(await migrate(limited)).toMatchObject({ exitCode: 0 });
    await using stack = await startStack({ DATABASE_URL: url.href });
    await stack.user.signUp({ username: "grace", password: "hopper1906" });
    const seed = Bun.spawn([process.execPath, "run", "seed", "--users", "10"], {
      cwd: ROOT,
      env: { ...process.env, DATABASE_URL: url.href, PASSWORD_HASH: "salted-md5" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const stderr = await new Response(seed.stderr).text();
    expect({ code: await seed.exited, stderr }).toMatchObject({ code: 0 });
    const credentials = { username: "test9", password: "testpassword9" };
    expect(await stack.user.signIn(credentials)).toHaveProperty("sessionId");
    await database.query(`DROP USER ${user}`);
  });
});
