import type { StoredSession, User } from "../user/stores.ts";

// What a move of an installation (`bun run graduate`) reads from SQLite and writes to servers.

/** A row of the table `user` with all its columns. Times are in UTC: "2026-11-30 17:12:50". */
export interface MovedUser extends User {
  /** A text, because it may be larger than a number can be. */
  readonly id: string;
  readonly createdAt: string;
  readonly modifiedAt: string;
  readonly disabledAt: string | null;
}

/** A row of the table `secret`. */
export interface MovedSecret {
  readonly name: string;
  readonly value: string;
  readonly createdAt: string;
}

/** The live sessions of a user, in the order in which they began. */
export interface MovedSessions {
  readonly username: string;
  readonly sessions: readonly StoredSession[];
}

/**
 * The parts that move, and their new places without secrets, such as "MySQL at
 * 10.0.0.5:3306/portico". A part without a place stays.
 */
export interface Places {
  readonly users?: string | undefined;
  readonly sessions?: string | undefined;
  readonly pictures?: string | undefined;
}

export type Part = keyof Places;

/** A move that has begun. */
export interface Move {
  /** Random. The new places hold it too, so that no other move writes there. */
  readonly name: string;
  readonly places: Places;
  /** In UTC. Undefined while rows or pictures may be missing in the new places. */
  readonly finishedAt: string | undefined;
}
