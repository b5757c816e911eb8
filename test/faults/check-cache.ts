// `bun run check-cache --minutes N`: users write, read and sign in through two TCP servers on real
// databases, while servers and databases are killed, frozen and restarted. No read may be older
// than what was acknowledged before it, no acknowledged write may be lost, every answer must be in
// the error table, and at the end the cache and the rows must agree. `--without-lease` breaks one
// of the servers on purpose: the checker must find that, and ends at its first finding.
//
// `--part passwords` changes passwords while browsers sign in, and `--part owners` deletes users
// while others sign up with their names: password-load.ts and owner-load.ts.
import { exitAsMisunderstood, optionsOrExit, UsageError } from "../../src/cli/usage.ts";
import { seededRandom } from "../../src/rpc/testing/seed.ts";
import type { Account } from "./account.ts";
import { CacheLoad, GROUPS } from "./cache-load.ts";
import { checkAccounts } from "./check-accounts.ts";
import { injectFaults } from "./inject-faults.ts";
import { MYSQL_KINDS } from "./mysql-site.ts";
import { REDIS_KINDS } from "./redis-site.ts";
import { type Site, type SiteKind, startSite } from "./site.ts";

const TELL_EVERY_MS = 10_000;
const SAMPLE_EVERY_MS = 50;
/**
 * Longer than the slowest reader needs to fill the cache. A late update does no harm: it is marked.
 */
const SETTLE_MS = 1_200;

interface CheckOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** Of the other server: "slow", or one that is broken. */
  readonly other: "slow" | "unleased" | "unguarded";
  readonly site: SiteKind;
}

/** How many times a profile was seen in the cache after an update, while it was read. */
async function sampleCache(site: Site, load: CacheLoad): Promise<number> {
  let seen = 0;
  while (!load.isOver) {
    await Bun.sleep(SAMPLE_EVERY_MS);
    const names = load.accounts.slice(-GROUPS).map(({ username }) => username);
    const nicknames = await site.cached(names).catch(() => []);
    seen += nicknames.filter((nickname) => nickname !== undefined && /^\d+$/.test(nickname)).length;
  }
  return seen;
}

/** Compare users that get no more writes: their rows with the reads, the cache with the rows. */
async function compare(site: Site, load: CacheLoad, accounts: readonly Account[]): Promise<void> {
  const names = accounts.map(({ username }) => username);
  const reads = accounts.map((account) => [account, account.nickname.beginRead()] as const);
  const [rows, cached] = [await site.rows(), await site.cached(names)];
  for (const [index, [account, end]] of reads.entries()) {
    const row = rows.get(account.username);
    const wrong = row === undefined ? "the row is gone" : end(row);
    if (wrong !== undefined) load.find(`in the table, ${wrong}`, account);
    const copy = cached[index];
    if (copy === undefined || copy === row) continue;
    load.find(`the cache holds ${copy} and the table ${row}, and no write is running`, account);
  }
}

/** Compare each user that gets no more writes, once. */
async function inspect(site: Site, load: CacheLoad): Promise<void> {
  const inspected = new Set<Account>();
  while (!load.isOver) {
    const settled = load.accounts.filter(({ isSettled }) => isSettled);
    await Bun.sleep(SETTLE_MS);
    const due = settled.filter((account) => !inspected.has(account));
    try {
      if (due.length > 0) await compare(site, load, due);
      for (const account of due) inspected.add(account);
    } catch (error) {
      // A database is away: compare them later.
      console.log(`cannot compare: ${error}`);
    }
  }
}

async function check({ durationMs, seed, other, site: kind }: CheckOptions): Promise<boolean> {
  const random = seededRandom(seed);
  console.log(`seed ${seed}`);
  await using site = await startSite(other === "unguarded" ? other : "quick", other, kind);
  const load = new CacheLoad(site.url, site.losses, random);
  const tell = setInterval(() => {
    console.log(JSON.stringify({ ...load.counts, users: load.accounts.length }), load.answers);
  }, TELL_EVERY_MS);

  const work = load.run();
  const sampling = sampleCache(site, load);
  // The broken server also leaves old copies behind, but the checker must find a stale read.
  const inspecting = other === "slow" ? inspect(site, load) : undefined;
  const faults = await injectFaults(
    site,
    random,
    performance.now() + durationMs,
    () => load.findings.length > 0,
  );
  load.stop();
  const [cacheSeen] = await Promise.all([sampling, inspecting, work]);
  clearInterval(tell);
  await Bun.sleep(SETTLE_MS);
  await compare(site, load, load.accounts);

  for (const { what, username, history } of load.findings) {
    console.log(`finding, ${username}: ${what}\n  ${history.join("\n  ")}`);
  }
  const { counts, answers, accounts, findings } = load;
  const report = { ...counts, users: accounts.length, cacheSeen, faults, answers };
  console.log(JSON.stringify({ seed, findings: findings.map(({ what }) => what), ...report }));
  // A run that never saw a cached profile proves nothing.
  const hasLooked = counts.reads > 0 && counts.acknowledged > 0 && cacheSeen > 0;
  return findings.length === 0 && hasLooked;
}

const HELP = `Look for stale reads and lost writes while servers and databases fail.

  bun run check-cache --minutes N    for so long; or --seconds N, 15 if neither is given
  bun run check-cache --seed N       the faults of the run that printed this seed
  bun run check-cache --without-lease
                                     with a server that is broken, which must be found

  bun run check-cache --redis sentinel --without-guard
                                     with servers that trust each master, which must be found

  --mysql KIND                       KIND: ${MYSQL_KINDS.join(", ")}
  --redis KIND                       KIND: ${REDIS_KINDS.join(", ")}

  bun run check-cache --part passwords
                                     instead, look for sessions that outlive their password
  bun run check-cache --part owners --rounds N
                                     instead, look for what a new owner of a name and the old one
                                     see of each other
  --without-marks, --without-ending  with servers that are broken in these parts

Exit code: 0 if nothing was found, else 1.`;

const values = await optionsOrExit("check-cache", HELP, {
  minutes: { type: "string" },
  seconds: { type: "string" },
  seed: { type: "string" },
  "without-lease": { type: "boolean" },
  mysql: { type: "string" },
  redis: { type: "string" },
  part: { type: "string" },
  rounds: { type: "string" },
  "without-guard": { type: "boolean" },
  "without-marks": { type: "boolean" },
  "without-ending": { type: "boolean" },
});
const seconds = Number(values.seconds ?? 15);
const durationMs = 1000 * (values.minutes === undefined ? seconds : 60 * Number(values.minutes));
if (!(durationMs > 0)) {
  exitAsMisunderstood(new UsageError("--minutes or --seconds must be a number over 0"));
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const { part } = values;
if (part !== undefined && part !== "passwords" && part !== "owners") {
  exitAsMisunderstood(new UsageError("--part must be passwords or owners"));
}
const redis = REDIS_KINDS.find((kind) => kind === (values.redis ?? "single"));
if (redis === undefined) {
  exitAsMisunderstood(new UsageError(`--redis must be ${REDIS_KINDS.join(" or ")}`));
}
const mysql = MYSQL_KINDS.find((kind) => kind === (values.mysql ?? "single"));
if (mysql === undefined) {
  exitAsMisunderstood(new UsageError(`--mysql must be one of ${MYSQL_KINDS.join(", ")}`));
}
const site = { mysql, redis };
const other = values["without-lease"] ? "unleased" : values["without-guard"] ? "unguarded" : "slow";
const broken = values["without-marks"] ? "unmarked" : values["without-ending"] && "unended";
const isGood = await (part === undefined
  ? check({ durationMs, seed, other, site })
  : checkAccounts({
      part,
      // With --rounds alone, the rounds end it.
      durationMs: values.rounds && !values.seconds && !values.minutes ? Infinity : durationMs,
      rounds: Number(values.rounds ?? Infinity),
      seed,
      kind: broken || "account",
      site,
    }));
process.exitCode = isGood ? 0 : 1;
