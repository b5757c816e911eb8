import type { RedisMoveTarget } from "../storage/redis/move-target.ts";
import type { SqliteMoveSource } from "../storage/sqlite/move-source.ts";
import { eachChunk, type Steps } from "./steps.ts";

/** Their commands are in flight at the same time, and each has a timeout. */
const USERS_OF_CHUNK = 200;

/** Copy the live sessions. */
export async function copySessions(
  source: SqliteMoveSource,
  target: RedisMoveTarget,
  steps: Steps,
): Promise<void> {
  await eachUser(source, steps, `Copying sessions to ${target.name}`, (users) =>
    target.store(users),
  );
}

/** @returns what differs, one line for each user */
export async function compareSessions(
  source: SqliteMoveSource,
  target: RedisMoveTarget,
  steps: Steps,
): Promise<string[]> {
  const differences: string[] = [];
  await eachUser(source, steps, `Comparing sessions with ${target.name}`, async (users) => {
    differences.push(...(await target.compare(users)));
  });
  return differences;
}

async function eachUser(
  source: SqliteMoveSource,
  steps: Steps,
  what: string,
  work: (users: ReturnType<SqliteMoveSource["sessions"]>) => Promise<void>,
): Promise<void> {
  let [after, done] = ["", 0];
  await eachChunk(steps, [what, source.sessionCount(Date.now())], async () => {
    const users = source.sessions(after, Date.now(), USERS_OF_CHUNK);
    const last = users.at(-1)?.username;
    if (last === undefined) return undefined;
    await work(users);
    after = last;
    done += users.reduce((sum, { sessions }) => sum + sessions.length, 0);
    return done;
  });
}
