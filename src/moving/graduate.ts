import type { AvatarStore } from "../http/avatar/store.ts";
import type { Part, Places } from "../storage/move.ts";
import type { MysqlMoveTarget } from "../storage/mysql/move-target.ts";
import type { RedisMoveTarget } from "../storage/redis/move-target.ts";
import type { SqliteMoveSource } from "../storage/sqlite/move-source.ts";
import { comparePictures, copyPictures, type PicturePlaces } from "./pictures.ts";
import { compareSessions, copySessions } from "./sessions.ts";
import type { Steps } from "./steps.ts";
import { compareSecrets, compareUsers, copyUsers } from "./users.ts";

/** The new places. A part without one stays. */
export interface Targets {
  readonly users?: MysqlMoveTarget | undefined;
  readonly sessions?: RedisMoveTarget | undefined;
  readonly pictures?: (PicturePlaces & { readonly name: string }) | undefined;
}

export interface Graduation {
  /** "already": it was finished before, and nothing has changed. */
  readonly state: "done" | "already" | "differs";
  /** What is not the same in both places, one line each. Empty unless the state is "differs". */
  readonly differences: readonly string[];
  /** Pictures that users have and that are in no place. */
  readonly missing: readonly string[];
}

/** The move cannot begin or go on. The message says why, and what would help. */
export class MoveError extends Error {
  override readonly name = "MoveError";
}

const NOTHING = { differences: [], missing: [] } as const;

/**
 * Move an installation, or go on with its move. Until the end, the old one answers reads. If this
 * ends early in any way, call it again.
 * @throws {MoveError} a target is in use
 * @throws {StorageError} {RpcError} a store failed
 * @throws the reason of the signal of `steps`
 */
export async function graduate(
  source: SqliteMoveSource,
  targets: Targets,
  steps: Steps,
): Promise<Graduation> {
  const name = await begin(source, targets);
  if (source.move?.finishedAt !== undefined) {
    await complete(targets, name);
    return { state: "already", ...NOTHING };
  }
  await targets.users?.claim(name);
  await targets.sessions?.claim(name);
  const { users, sessions, pictures } = targets;
  const differences: string[] = [];
  if (users) {
    await copyUsers(source, users, name, steps);
    differences.push(...(await compareSecrets(source, users)));
    differences.push(...(await compareUsers(source, users, steps)));
  }
  if (pictures) await copyPictures(source.pictures, pictures, steps);
  const compared = pictures && (await comparePictures(source.pictures, pictures, steps));
  const missing = compared?.missing ?? [];
  differences.push(...(compared?.differences ?? []));
  // The sessions are last, so that sign-ins and sign-outs stop only for this moment.
  if (sessions && differences.length === 0) {
    await source.freezeSessions(sessions.name);
    await copySessions(source, sessions, steps);
    differences.push(...(await compareSessions(source, sessions, steps)));
  }
  if (differences.length > 0) return { state: "differs", differences, missing };
  // In this order: once servers start on the new places, the copies differ.
  await pictures?.from.retire(pictures.name);
  await source.finish(placesOf(targets));
  await complete(targets, name);
  return { state: "done", differences, missing };
}

/** @returns the name of the move */
async function begin(source: SqliteMoveSource, targets: Targets): Promise<string> {
  const places = placesOf(targets);
  const { move } = source;
  if (move) throwIfOther(move.places, places);
  // After the end, servers use the new places.
  if (move?.finishedAt !== undefined) return move.name;
  const { users, sessions, pictures } = targets;
  throwIfForeign("users", users?.name, await users?.foreign(move?.name));
  throwIfForeign("sessions", sessions?.name, await sessions?.foreign(move?.name));
  if (move) return move.name;
  const hasSome = pictures && (await hasPictures(pictures.to));
  throwIfForeign("pictures", pictures?.name, hasSome ? "it has pictures" : undefined);
  const name = crypto.randomUUID();
  await source.begin(name, places);
  return name;
}

function throwIfOther(begun: Places, stated: Places): void {
  const parts = ["users", "sessions", "pictures"] as const;
  if (parts.every((part) => begun[part] === stated[part])) return;
  const [one, other] = [begun, stated].map((places) => parts.flatMap((part) => places[part] ?? []));
  throw new MoveError(
    `Cannot move to ${other?.join(", ")}: a move to ${one?.join(", ")} has begun. Go on with its ` +
      "places, or give it up with `bun run graduate --undo`",
  );
}

function throwIfForeign(part: Part, place = "", what: string | undefined): void {
  if (what === undefined) return;
  throw new MoveError(`Cannot move the ${part} to ${place}, which is not empty: ${what}`);
}

async function hasPictures(store: AvatarStore): Promise<boolean> {
  for await (const names of store.list(new Date(8.64e15))) if (names.length > 0) return true;
  return false;
}

async function complete({ users, sessions }: Targets, name: string): Promise<void> {
  await sessions?.complete();
  await users?.complete(name);
}

function placesOf({ users, sessions, pictures }: Targets): Places {
  return { users: users?.name, sessions: sessions?.name, pictures: pictures?.name };
}
