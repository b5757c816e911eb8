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

/** Whether MariaDB is installed. If not, the suites that need it are skipped by name. */
export const available = binary !== undefined;

/** Whether `sharedMariaDb()` has a server: an installed one, or that of TEST_DATABASE_URL. */
export const sharedAvailable = available || TEST_DATABASE_URL !== undefined;

export interface MariaDb extends Databases, AsyncDisposable {
  readonly pid: number;
  readonly dataFolder: string;
  /** Kill the server. Its data stay; for those of the last second, see `keepsEveryCommit`. */
  kill(): Promise<void>;
  /** Start again on the same port and data. */
  restart(): Promise<void>;
  /** Run a server that was killed with one more option that makes it end. Returns its log. */
  recover(option: string): Promise<string>;
}

export interface MariaDbOptions {
  /** Whether acknowledged commits survive `kill`. Default: false, which is faster. */
  readonly keepsEveryCommit?: boolean;
  /** More options of mariadbd; they override the common ones. */
  readonly moreOptions?: readonly string[];
  /** Default: a free port. */
  readonly port?: number;
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
    // The last one wins.
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

/** Options of both the bootstrap and the server: little memory, no waiting for disks. */
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
  /** Kept: if it were collected, it would end and remove the folder. */
  readonly watchdog: Bun.Subprocess;
}

let systemTables: Promise<SystemTables> | undefined;

/** Written once in this process and then copied, which takes a tenth of the time. */
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

/** The folder with the SQL of the system tables differs between systems; the server knows it. */
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

/** Start a MariaDB for one test. Tests that do not break it share one: `sharedMariaDb()`. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDb> {
  const server = await ThrowAwayServer.start(recipe(options), options.port);
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
    dataFolder: join(server.folder, "data"),
    kill: () => server.kill(),
    recover: (option) => server.runOnce(option),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

let shared: Promise<Databases> | undefined;
let unshared: Promise<Databases> | undefined;

/**
 * A server that tests share: the one that TEST_DATABASE_URL names, or that of this test run, or one
 * that this test process starts at first use.
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
 * A server for this test process alone, for tests that read the server's counters or change its
 * settings. TEST_DATABASE_URL overrides it, too.
 */
export function unsharedMariaDb(): Promise<Databases> {
  unshared ??=
    TEST_DATABASE_URL === undefined
      ? startMariaDb()
      : Promise.resolve(databasesOn(TEST_DATABASE_URL));
  return unshared;
}
