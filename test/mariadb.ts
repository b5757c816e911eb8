import { cp, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { RowDataPacket } from "mysql2";
import { createConnection } from "mysql2/promise";
import { type Databases, databasesOn, TEST_DATABASE_URL } from "./own-servers.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { sharedDatabases, sharedServers } from "./shared-servers.ts";
import { type Recipe, ThrowAwayServer, watchFolder } from "./throw-away.ts";

const binary = programPath(PROGRAMS.mariadb);

/** Whether this machine has MariaDB. Suites that need it are skipped, by name, where it has not. */
export const available = binary !== undefined;

/** Whether there is one for tests that do not hurt it: this machine's, or one's own. */
export const sharedAvailable = available || TEST_DATABASE_URL !== undefined;

export interface MariaDb extends Databases, AsyncDisposable {
  readonly pid: number;
  /** End the server at once. Its data stay, those of the last second as `keepsEveryCommit` says. */
  kill(): Promise<void>;
  /** Start again on the same port and data. */
  restart(): Promise<void>;
}

export interface MariaDbOptions {
  /** Whether what was acknowledged outlives `kill`. Default: false, which is faster. */
  readonly keepsEveryCommit?: boolean;
  /** Of mariadbd, behind those of all tests. */
  readonly moreOptions?: readonly string[];
  /** What else is in its data folder when it first starts: texts by file name. */
  readonly dataFiles?: Readonly<Record<string, string>>;
}

const USER = "portico:secret";

const recipe = ({
  keepsEveryCommit = false,
  moreOptions = [],
  dataFiles = {},
}: MariaDbOptions): Recipe => ({
  name: "MariaDB",
  async prepare(folder) {
    await copySystemTables(folder);
    for (const [name, text] of Object.entries(dataFiles)) {
      await Bun.write(join(folder, "data", name), text);
    }
  },
  command: (folder, port) => [
    ...baseCommand(folder),
    // The later one counts.
    ...(keepsEveryCommit ? ["--innodb-flush-log-at-trx-commit=1"] : []),
    ...[`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socketIn(folder)}`],
    "--skip-name-resolve",
    "--max-connections=500",
    // The least helpful defaults that a server may have: ours must not depend on them.
    ...["--sql-mode=", "--default-time-zone=+05:30"],
    ...["--character-set-server=latin1", "--collation-server=latin1_swedish_ci"],
    ...moreOptions,
  ],
  connect: async (port, { folder }) => {
    const [[row]] = await query(`mysql://${USER}@127.0.0.1:${port}`, "SELECT @@socket AS socket");
    if (row?.socket !== socketIn(folder)) throw new Error("another server answers");
  },
});

const socketIn = (folder: string) => join(folder, "socket");

/** What the bootstrap and the server have in common: little memory, and no waiting for disks. */
function baseCommand(folder: string): string[] {
  return [
    binary ?? "mariadbd",
    "--no-defaults",
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
    `--datadir=${join(folder, "data")}`,
    `--tmpdir=${folder}`,
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=16M",
  ];
}

interface SystemTables {
  readonly folder: string;
  /** Held on to, since it would end, and the folder with it, if nothing in this process did. */
  readonly watchdog: Bun.Subprocess;
}

let systemTables: Promise<SystemTables> | undefined;

/** They are written once in this process, and copied for each server in a tenth of the time. */
async function copySystemTables(folder: string): Promise<void> {
  systemTables ??= writeSystemTables();
  const written = (await systemTables).folder;
  await cp(join(written, "data"), join(folder, "data"), { recursive: true });
}

async function writeSystemTables(): Promise<SystemTables> {
  const folder = await mkdtemp(join(tmpdir(), "portico-mariadb-tables-"));
  const watchdog = watchFolder(folder);
  await bootstrap(folder);
  return { folder, watchdog };
}

/**
 * Write the system tables, as mariadb-install-db does. That script also wants a program of the
 * client's package, which Debian does not install along with the server.
 */
async function bootstrap(folder: string): Promise<void> {
  await mkdir(join(folder, "data"));
  const scripts = await systemScripts();
  const sql = [
    "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n",
    await Bun.file(join(scripts, "mysql_system_tables.sql")).text(),
    await Bun.file(join(scripts, "mysql_system_tables_data.sql")).text(),
    "FLUSH PRIVILEGES;\n",
    "CREATE USER portico IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO portico WITH GRANT OPTION;\n",
  ];
  const log = join(folder, "bootstrap.log");
  const server = Bun.spawn([...baseCommand(folder), "--bootstrap"], {
    env: { ...process.env, TMPDIR: folder },
    stdio: [new Blob(sql), "ignore", Bun.file(log)],
  });
  if ((await server.exited) === 0) return;
  throw new Error(`Cannot write MariaDB's system tables:\n${await Bun.file(log).text()}`);
}

/** The folder of the system tables' SQL has a name of its own in each system; the server knows. */
async function systemScripts(): Promise<string> {
  const help = Bun.spawn([binary ?? "mariadbd", "--no-defaults", "--verbose", "--help"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const text = await new Response(help.stdout).text();
  const charsets = /^character-sets-dir\s+(\S+)$/m.exec(text)?.[1];
  if (!charsets) throw new Error("Cannot find MariaDB's system tables: no character-sets-dir");
  return dirname(charsets);
}

async function query(url: string, sql: string) {
  const connection = await createConnection(url);
  try {
    return await connection.query<RowDataPacket[]>(sql);
  } finally {
    await connection.end();
  }
}

/** Start a MariaDB of one's own. Tests that do not hurt it share one: `sharedMariaDb()`. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDb> {
  const server = await ThrowAwayServer.start(recipe(options));
  const url = `mysql://${USER}@127.0.0.1:${server.port}`;
  let databases = 0;
  return {
    url,
    get pid() {
      return server.pid;
    },
    async createDatabase() {
      const name = `test_${++databases}`;
      await query(url, `CREATE DATABASE ${name}`);
      return `${url}/${name}`;
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

let shared: Promise<Databases> | undefined;
let unshared: Promise<Databases> | undefined;

/**
 * The MySQL that TEST_DATABASE_URL names; or the MariaDB of this run of tests; or that of this test
 * process, which starts at first use and ends with the process.
 */
export function sharedMariaDb(): Promise<Databases> {
  shared ??= findShared();
  return shared;
}

async function findShared(): Promise<Databases> {
  const { mariaDbUrl } = sharedServers;
  if (TEST_DATABASE_URL !== undefined || mariaDbUrl === undefined) return unsharedMariaDb();
  return sharedDatabases(mariaDbUrl);
}

/**
 * One that only this test process uses, for tests that read the server's counters or change its
 * settings; or the MySQL that TEST_DATABASE_URL names.
 */
export function unsharedMariaDb(): Promise<Databases> {
  unshared ??=
    TEST_DATABASE_URL === undefined
      ? startMariaDb()
      : Promise.resolve(databasesOn(TEST_DATABASE_URL));
  return unshared;
}
