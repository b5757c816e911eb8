// `bun run bench seed`: rows per second of the seeder, and of LOAD DATA from a ready file.

import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { MysqlHosts } from "../../src/storage/mysql/hosts.ts";
import { migrateMysql } from "../../src/storage/mysql/migrate.ts";
import { createTestUsers } from "../../src/user/test-users.ts";
import { Folder } from "../../test/child.ts";
import { startMariaDb } from "../../test/mariadb.ts";
import { count, times } from "../figures.ts";
import { median, quotient } from "../statistics.ts";
import { markdownTable } from "../tables.ts";

const ROOT = join(import.meta.dir, "../..");
const NAMES = ["file, sent by the client", "file, read by the server", "bun run seed"] as const;
type Name = (typeof NAMES)[number];

const COLUMNS = `IGNORE INTO TABLE user CHARACTER SET utf8mb4
  (username, nickname, password, salt, profile_path)
  SET gmt_create = UTC_TIMESTAMP(), gmt_modified = UTC_TIMESTAMP()`;

/** Enough memory that the disk does not limit the rate. */
const AMPLE_MEMORY = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"];

export interface SeedBenchRow {
  readonly name: Name;
  /** The median of the rounds. */
  readonly rowsPerSecond: number;
  /** Of the seeder's process; undefined for the other ways. */
  readonly peakMib: number | undefined;
}

interface Load {
  readonly seconds: number;
  readonly peakMib?: number;
}

/**
 * Load the same rows into MariaDB in each way, always into an empty table. The ways take turns, so
 * that a slower machine slows all of them.
 */
export async function benchSeed(
  { rows, rounds }: { readonly rows: number; readonly rounds: number },
  onProgress: (text: string) => void = () => undefined,
): Promise<SeedBenchRow[]> {
  await using folder = await Folder.make();
  await using server = await startMariaDb({ moreOptions: AMPLE_MEMORY });
  const file = join(folder.path, "users.tsv");
  onProgress(`writing ${file}`);
  await writeUsers(file, rows);

  const loads = new Map<Name, Load[]>(NAMES.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const name of NAMES) {
      onProgress(`round ${round} of ${rounds}: ${name}`);
      const databaseUrl = await server.createDatabase();
      await migrateMysql(new MysqlHosts(databaseUrl), {
        waiting: () => undefined,
        applying: () => undefined,
      });
      const load = await (name === "bun run seed"
        ? seed(databaseUrl, rows)
        : loadFile(databaseUrl, file, name));
      loads.get(name)?.push(load);
      await checkAndDrop(databaseUrl, rows);
    }
  }
  return Array.from(loads, ([name, ofName]) => ({
    name,
    rowsPerSecond: rows / (median(ofName.map(({ seconds }) => seconds)) ?? Number.NaN),
    peakMib: ofName[0]?.peakMib,
  }));
}

async function writeUsers(file: string, rows: number): Promise<void> {
  const userOf = await createTestUsers({ name: "salted-md5" });
  const writer = Bun.file(file).writer();
  for (let n = 0; n < rows; n++) {
    const { username, nickname, password, salt, profilePath } = userOf(n);
    writer.write(`${[username, nickname, password, salt, profilePath].join("\t")}\n`);
    if (n % 1000 === 0) await writer.flush();
  }
  await writer.end();
}

async function loadFile(databaseUrl: string, file: string, name: Name): Promise<Load> {
  await using connection = await createConnection({ uri: databaseUrl, flags: ["+LOCAL_FILES"] });
  const local = name === "file, sent by the client" ? "LOCAL" : "";
  const beganAtMs = performance.now();
  await connection.query({
    sql: `LOAD DATA ${local} INFILE '${file}' ${COLUMNS}`,
    infileStreamFactory: () => createReadStream(file),
  });
  return { seconds: (performance.now() - beganAtMs) / 1000 };
}

/** Run the seeder. The time includes the start of its process. */
async function seed(databaseUrl: string, rows: number): Promise<Load> {
  const beganAtMs = performance.now();
  const child = Bun.spawn([process.execPath, "src/seed-main.ts", "--users", `${rows}`], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: databaseUrl, PASSWORD_HASH: "salted-md5" },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`Cannot seed: exit code ${exitCode}`);
  const peakBytes = child.resourceUsage()?.maxRSS ?? Number.NaN;
  return { seconds: (performance.now() - beganAtMs) / 1000, peakMib: peakBytes / 2 ** 20 };
}

async function checkAndDrop(databaseUrl: string, rows: number): Promise<void> {
  await using connection = await createConnection(databaseUrl);
  const [[found]] = await connection.query<RowDataPacket[]>("SELECT COUNT(*) AS users FROM user");
  const loaded = Number(found?.users);
  if (loaded !== rows) throw new Error(`Cannot compare: ${loaded} rows of ${rows} were loaded`);
  await connection.query(`DROP DATABASE ${new URL(databaseUrl).pathname.slice(1)}`);
}

/** A Markdown table. */
export function seedTable(rows: readonly SeedBenchRow[]): string {
  const seeder = rows.find(({ name }) => name === "bun run seed")?.rowsPerSecond;
  return markdownTable(
    [
      { heading: "what", text: ({ name }) => name },
      { heading: "rows/s", text: ({ rowsPerSecond }) => count(rowsPerSecond) },
      {
        heading: "the seeder is",
        text: ({ rowsPerSecond }) => times(quotient(seeder, rowsPerSecond)),
      },
      {
        heading: "peak memory",
        text: ({ peakMib }) => (peakMib === undefined ? "" : `${count(peakMib)} MiB`),
      },
    ],
    rows,
  );
}
