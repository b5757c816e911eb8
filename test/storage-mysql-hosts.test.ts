import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Availability } from "../src/storage/availability.ts";
import { MysqlClient } from "../src/storage/mysql/client.ts";
import { type CheckedRow, PRIMARY_CHECK } from "../src/storage/mysql/connection.ts";
import { MysqlHosts } from "../src/storage/mysql/hosts.ts";
import type { OpenStorage } from "../src/storage/open.ts";
import { userDatabase } from "../src/storage/user-database.ts";
import { StorageError } from "../src/user/stores.ts";
import { openRowsAt } from "./contract/rows.ts";
import { freeze } from "./freeze.ts";
import { available } from "./mariadb.ts";
import { type MysqlPair, startPair } from "./mysql-pair.ts";
import { freePort } from "./ports.ts";
import { createFolder, eventually, open, recordingLog, silent, user } from "./storage-pairs.ts";

// DATABASE_URL names a primary and its replica, with semi-synchronous replication. After each
// failover the old primary becomes the replica of the new one.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const QUIET = { waiting: () => undefined, applying: () => undefined };

describe.skipIf(!available)("DATABASE_URL with two hosts", () => {
  let pair: MysqlPair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.[Symbol.asyncDispose]());

  /** Open the stores on an empty database with the user grace. */
  async function openSite() {
    const { dataDir } = await createFolder();
    const databaseUrl = await pair.createDatabase();
    const { log, messages, lines } = recordingLog();
    const storage = await open({ databaseUrl, dataDir }, { log });
    await storage.users.insert(user("grace", { nickname: "0" }));
    return { ...storage, databaseUrl, dataDir, messages, lines };
  }

  /** The rows of a server, whether it takes writes or not. */
  async function shownBy(server: { readonly url: string }, databaseUrl: string) {
    await using rows = await openRowsAt(`${server.url}${pathOf(databaseUrl)}`, "");
    return rows.query("SELECT nickname FROM user WHERE username = 'grace'");
  }

  /** Change the nickname until it succeeds, as browsers that try again do. */
  async function renameUntilDone({ users }: OpenStorage, nickname: string): Promise<void> {
    await eventually("an update succeeds", () =>
      users.setNickname("grace", nickname).catch((error: unknown) => {
        if (error instanceof StorageError) return false;
        throw error;
      }),
    );
  }

  test("the host that takes writes is used, wherever it stands in DATABASE_URL", async () => {
    for (const hosts of [pair.hosts, pair.hosts.split(",").reverse().join(",")]) {
      const databaseUrl = (await pair.createDatabase()).replace(pair.hosts, hosts);
      const names = new URL(pair.primary.url).host;
      const servers = new MysqlHosts(databaseUrl);
      const connection = await servers.open();
      expect(new URL(servers.currentUrl).host).toBe(names);
      expect(servers.isCurrent(connection)).toBe(true);
      connection.destroy();
    }
  });

  test("if the primary is killed, a call waits for the promotion", async () => {
    await using site = await openSite();
    const old = pair.primary;
    await old.kill();
    // No update is running when the primary ends, so that none has an unknown outcome.
    const calls = [site.users.find("grace"), site.users.setNickname("grace", "1")];
    await pair.promote();
    const promotedAtMs = performance.now();
    const [found, renamed] = await Promise.all(calls);
    tell("primary killed: an update after the promotion", promotedAtMs);
    expect(found).toMatchObject({ nickname: expect.stringMatching(/^[01]$/) });
    expect(renamed).toBe(true);
    expect((await site.users.find("grace"))?.nickname).toBe("1");
    expect(site.messages).toContainEqual(
      `warn MySQL: ${hostOf(pair.primary)} takes the writes now, instead of ${hostOf(old)}`,
    );

    // The old primary comes back as a replica, and no call goes to it.
    await old.restart();
    await pair.follow();
    for (let n = 2; n < 10; n++) expect(await site.users.setNickname("grace", `${n}`)).toBe(true);
    expect((await site.users.find("grace"))?.nickname).toBe("9");
    await eventually("the replica has the last write", async () => {
      const [row] = await shownBy(old, site.databaseUrl);
      return row?.nickname === "9";
    });
  });

  test("a frozen primary is left, and not read when it goes on without read_only", async () => {
    await using site = await openSite();
    const all = () => Promise.all(Array.from({ length: 20 }, () => site.users.find("grace")));
    await all();
    const old = pair.primary;
    await freeze(old.pid);
    await pair.promote();
    const promotedAtMs = performance.now();
    await renameUntilDone(site, "1");
    tell("primary frozen: an update after the promotion", promotedAtMs);
    process.kill(old.pid, "SIGCONT");

    expect(await shownBy(old, site.databaseUrl)).toEqual([{ nickname: "0" }]);
    const found = await all();
    expect(new Set(found.map((each) => each?.nickname))).toEqual(new Set(["1"]));
    // No request goes to it, and no connection to it is used again.
    expect(await site.users.setNickname("grace", "2")).toBe(true);
    expect(await shownBy(old, site.databaseUrl)).toEqual([{ nickname: "0" }]);
    await pair.rebuild();
  });

  test("once another host is used, no row of the old one counts, even if it takes writes", async () => {
    await using site = await openSite();
    const hosts = new MysqlHosts(site.databaseUrl);
    const client = new MysqlClient(hosts, new Availability("MySQL", silent));
    const read = (column: string) =>
      client.read<CheckedRow>(
        `SELECT nickname, ${column} AS slept, ${PRIMARY_CHECK} FROM user`,
        [],
      );
    await Promise.all([read("0"), read("0")]);
    await using ofOld = await openRowsAt(pair.primary.url, "");
    await ofOld.query("SET GLOBAL read_only = ON");
    await pair.promote();
    // Otherwise it would wait for a replica.
    await ofOld.query("SET GLOBAL rpl_semi_sync_master_enabled = OFF");
    await ofOld.query("SET GLOBAL read_only = OFF");
    await site.users.setNickname("grace", "old");
    expect(await shownBy(pair.other, site.databaseUrl)).toEqual([{ nickname: "old" }]);

    const slow = read("SLEEP(0.5)");
    await Bun.sleep(100);
    await ofOld.query("SET GLOBAL read_only = ON");
    (await hosts.open()).destroy();
    await ofOld.query("SET GLOBAL read_only = OFF");

    expect(await read("0")).toMatchObject([{ nickname: "0" }]);
    expect(await slow).toMatchObject([{ nickname: "0" }]);
    await client.close();
    await pair.rebuild();
  });

  test("no call fails in a planned switch, there and back", async () => {
    await using site = await openSite();
    const moves = () => site.messages.filter((each) => each.includes("takes the writes now"));
    const movesBefore = moves().length;
    let isOver = false;
    let longestMs = 0;
    let writes = 0;
    const answers: unknown[] = [];
    const write = async (nickname: () => string) => {
      while (!isOver) {
        const begunAtMs = performance.now();
        const wanted = nickname();
        answers.push(await site.users.setNickname("grace", wanted).catch(String));
        const found = await site.users.find("grace").catch(String);
        if (typeof found === "string" || found?.nickname !== wanted) answers.push(found);
        longestMs = Math.max(longestMs, performance.now() - begunAtMs);
      }
    };
    const writing = write(() => `${++writes}`);

    for (let times = 0; times < 2; times++) {
      await Bun.sleep(100);
      await using rows = await openRowsAt(pair.primary.url, "");
      await rows.query("SET GLOBAL read_only = ON");
      await pair.promote();
      await pair.follow();
    }
    await Bun.sleep(100);
    isOver = true;
    await writing;

    tell("planned switch: the slowest update and read", performance.now() - longestMs);
    expect(new Set(answers)).toEqual(new Set([true]));
    expect(moves()).toHaveLength(movesBefore + 2);
  });

  test("without a primary, each call fails in time and names what is wrong with each host", async () => {
    await using site = await openSite();
    await using rows = await openRowsAt(pair.primary.url, "");
    await rows.query("SET GLOBAL read_only = ON");
    const why = pair.hosts
      .split(",")
      .map((host) => `${host}: the server is read-only, as a replica`);

    await expect(site.users.ping()).rejects.toThrow(why[0]);
    await expect(site.users.ping()).rejects.toThrow(why[1]);
    await expect(site.users.setNickname("grace", "1")).rejects.toBeInstanceOf(StorageError);
    expect(site.messages).toContainEqual(
      `warn waiting for MySQL at ${pair.hosts.replace(",", ", ")} (DATABASE_URL)`,
    );

    await rows.query("SET GLOBAL read_only = OFF");
    expect(await site.users.setNickname("grace", "1")).toBe(true);
  });

  test("a frozen host does not use up the time of the others", async () => {
    const databaseUrl = await pair.createDatabase();
    const hosts = [hostOf(pair.other), hostOf(pair.primary)].join(",");
    const servers = new MysqlHosts(databaseUrl.replace(pair.hosts, hosts));
    await freeze(pair.other.pid);
    const startedAtMs = performance.now();
    const connection = await servers.open({ timeoutMs: 40_000 });
    // After a second the next host is tried, and not after the half of the time.
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
    expect(new URL(servers.currentUrl).host).toBe(hostOf(pair.primary));
    process.kill(pair.other.pid, "SIGCONT");
    connection.destroy();
  });

  test("the commands use the host that takes writes; migrate --status also reads a replica", async () => {
    const databaseUrl = await pair.createDatabase();
    const hosts = [`127.0.0.1:${freePort()}`, hostOf(pair.other), hostOf(pair.primary)].join(",");
    const options = { databaseUrl: databaseUrl.replace(pair.hosts, hosts), dataDir: "" };
    const database = userDatabase(options);
    expect(database.name).toBe(`MySQL at ${hosts.replaceAll(",", ", ")}${pathOf(databaseUrl)}`);
    await database.migrate(QUIET);
    const seed = await database.openSeed((n) => `test${n}`, QUIET);
    expect(await seed.advance(10, (n) => user(`test${n}`))).toEqual({ next: 10, taken: 0 });
    await seed.close();
    const rows = await database.openClassicRows(QUIET);
    expect(await rows.count()).toBe(0);
    await rows.close();

    await using raw = await openRowsAt(pair.primary.url, "");
    await raw.query("SET GLOBAL read_only = ON");
    const states = await userDatabase(options).migrationStates();
    expect(states.every(({ appliedAt }) => appliedAt !== undefined)).toBe(true);
    await expect(userDatabase(options).migrate(QUIET)).rejects.toThrow("ECONNREFUSED");
    await raw.query("SET GLOBAL read_only = OFF");
  });

  test("a host that could not take over is reported, and one that takes writes as well", async () => {
    const databaseUrl = await pair.createDatabase();
    await using folder = await createFolder();
    await using rows = await openRowsAt(pair.other.url, "");
    await rows.query("SET SESSION sql_log_bin = 0");
    await rows.query("ALTER USER ordinary IDENTIFIED BY 'another'");
    const refused = await warningsOf({ ...folder, databaseUrl });
    expect(refused).toMatch(/^Access denied for user 'ordinary'@/);

    await rows.query("ALTER USER ordinary IDENTIFIED BY 'secret'");
    await rows.query("SET GLOBAL read_only = OFF");
    expect(await warningsOf({ ...folder, databaseUrl })).toBe(
      `it takes writes, and so does ${hostOf(pair.primary)}: unless both are parts of one ` +
        "cluster, turn read_only on at the one that is not the primary",
    );
    await rows.query("SET GLOBAL read_only = ON");
  });

  /** Why the other server could not take over. */
  async function warningsOf(location: { databaseUrl: string; dataDir: string }): Promise<string> {
    const { log, lines } = recordingLog();
    const ordered = [hostOf(pair.primary), hostOf(pair.other)].join(",");
    const databaseUrl = location.databaseUrl.replace(pair.hosts, ordered);
    await using _ = await open({ ...location, databaseUrl }, { log });
    const message = `MySQL at ${hostOf(pair.other)} (DATABASE_URL) could not take over`;
    const warning = () => lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === message);
    await eventually("it is reported", async () => warning() !== undefined);
    return warning().why;
  }
});

/** Print a time for docs/failures.md. */
function tell(what: string, sinceMs: number): void {
  console.log(`${what}: ${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`);
}

function hostOf({ url }: { readonly url: string }): string {
  return new URL(url).host;
}

function pathOf(databaseUrl: string): string {
  return databaseUrl.slice(databaseUrl.lastIndexOf("/"));
}
