import { seededRandom } from "../../src/rpc/testing/seed.ts";
import { injectFaults } from "./inject-faults.ts";
import { OwnerLoad } from "./owner-load.ts";
import { PasswordLoad } from "./password-load.ts";
import { type ServerKind, type SiteKind, startSite } from "./site.ts";

const TELL_EVERY_MS = 10_000;

/** How a checker of accounts runs. */
export interface AccountCheck {
  readonly part: "passwords" | "owners";
  readonly durationMs: number;
  readonly rounds: number;
  readonly seed: number;
  /** Of both TCP servers. */
  readonly kind: ServerKind;
  readonly site: SiteKind;
}

/** @returns whether nothing was found */
export async function checkAccounts(check: AccountCheck): Promise<boolean> {
  const { part, durationMs, rounds, seed, kind } = check;
  const random = seededRandom(seed);
  console.log(`seed ${seed}`);
  await using site = await startSite(kind, kind, check.site);
  const load = part === "owners" ? new OwnerLoad(site, random) : new PasswordLoad(site.url, random);
  const { questions, counts } = load;
  const tell = setInterval(() => {
    console.log(JSON.stringify(counts), questions.answers);
  }, TELL_EVERY_MS);
  const startedAt = performance.now();
  const work = load.run(rounds);
  const isOver = () => questions.isOver;
  const faults = await injectFaults(site, random, startedAt + durationMs, isOver);
  questions.stop();
  await work;
  await load.finish();
  clearInterval(tell);
  const { findings, answers } = questions;
  for (const what of findings) console.log(`finding: ${what}`);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(JSON.stringify({ seed, findings, ...counts, seconds, faults, answers }));
  // A run in which nothing ended proves nothing.
  return findings.length === 0 && counts.tried > 0;
}
