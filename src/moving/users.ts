import type { MovedUser } from "../storage/move.ts";
import type { MysqlMoveTarget } from "../storage/mysql/move-target.ts";
import type { SqliteMoveSource } from "../storage/sqlite/move-source.ts";
import { eachChunk, type Steps } from "./steps.ts";

const USERS_OF_COMPARISON = 5_000;
/** Lower than every id. */
const FIRST = "0";

/** Copy the secrets, and the users that are not there yet, in the order of their ids. */
export async function copyUsers(
  source: SqliteMoveSource,
  target: MysqlMoveTarget,
  move: string,
  steps: Steps,
): Promise<void> {
  await target.addSecrets(source.secrets);
  let done = await target.userCount;
  const step = `Copying users to ${target.name}`;
  await eachChunk(steps, [step, source.userCount, done], async () => {
    const { inserted } = await target.advance(move, (id, limit) => source.users(id, limit));
    done += inserted;
    return inserted === 0 ? undefined : done;
  });
  await target.setNextId(source.nextId);
}

/** Compare all rows with all columns. @returns what differs, one line for each user */
export async function compareUsers(
  source: SqliteMoveSource,
  target: MysqlMoveTarget,
  steps: Steps,
): Promise<string[]> {
  const differences: string[] = [];
  let [after, done, isLast] = [FIRST, 0, false];
  const step = `Comparing users with ${target.name}`;
  await eachChunk(steps, [step, source.userCount], async () => {
    if (isLast) return undefined;
    const ours = source.users(after, USERS_OF_COMPARISON);
    const to = ours.at(-1)?.id;
    const theirs = await target.users(after, to, USERS_OF_COMPARISON);
    differences.push(...compareRows(ours, theirs));
    // After our last user, there may be more of theirs.
    isLast = to === undefined;
    after = to ?? after;
    done += ours.length;
    return done;
  });
  return differences;
}

/** @returns the secrets that differ, by name */
export async function compareSecrets(
  source: SqliteMoveSource,
  target: MysqlMoveTarget,
): Promise<string[]> {
  const theirs = new Map((await target.secrets).map((secret) => [secret.name, secret]));
  const ours = source.secrets.map(({ name, value, createdAt }) => {
    const copy = theirs.get(name);
    theirs.delete(name);
    const isSame = copy?.value === value && copy.createdAt === createdAt;
    return isSame ? undefined : `secret "${name}": ${copy ? "differs" : "is missing"}`;
  });
  const more = [...theirs.keys()].map((name) => `secret "${name}": is not in the original`);
  return [...ours.filter((each) => each !== undefined), ...more];
}

function compareRows(ours: readonly MovedUser[], theirs: readonly MovedUser[]): string[] {
  const copies = new Map(theirs.map((user) => [user.id, user]));
  const found = ours.map((user) => {
    const copy = copies.get(user.id);
    copies.delete(user.id);
    const what = copy ? columnsThatDiffer(user, copy) : "is missing";
    return what === "" ? undefined : `user "${user.username}" (id ${user.id}): ${what}`;
  });
  const more = [...copies.values()].map(
    ({ username, id }) => `user "${username}" (id ${id}): is not in the original`,
  );
  return [...found.filter((each) => each !== undefined), ...more];
}

/** Never shows a value, since it may be a hash of a password. */
function columnsThatDiffer(user: MovedUser, copy: MovedUser): string {
  const columns = [
    ...(["username", "nickname", "password", "salt", "profilePath"] as const),
    ...(["createdAt", "modifiedAt", "disabledAt"] as const),
  ].filter((column) => user[column] !== copy[column]);
  return columns.length === 0 ? "" : `differs in ${columns.join(", ")}`;
}
