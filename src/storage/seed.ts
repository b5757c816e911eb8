import type { User } from "../user/stores.ts";

/** Spread over what is recorded as filled: so many users are looked for, to see if it is so. */
const SAMPLES = 100;

/** User n, counted from 0. */
export type UserOf = (n: number) => User;

/**
 * How far a database has been filled. It is kept in the database and moves in the transaction of
 * the rows themselves, so it is right whatever ends the process.
 */
export interface SeedProgress {
  /** All users before this one have had their turn. */
  readonly next: number;
  /** How many of those had a name that was taken, and was left to its user. */
  readonly taken: number;
}

/** Fills the table `user` with many rows. Every method throws a StorageError. */
export interface Seed {
  /** As in "MySQL at 127.0.0.1:3306/portico". */
  readonly database: string;
  /** How the rows get there, as in "multi-row INSERT". */
  readonly method: string;
  progress(): Promise<SeedProgress>;
  /** Give the next users their turn, as many as one transaction takes, not past `end`. */
  advance(end: number, userOf: UserOf): Promise<SeedProgress>;
  close(): Promise<void>;
}

export interface Chunk {
  /** The users of this chunk, by number: from here … */
  readonly from: number;
  /** … up to here, exclusive. Equal where there is nothing left to do. */
  readonly to: number;
}

/** The next `size` users, or fewer before `end`. */
export function nextChunk({ next }: SeedProgress, size: number, end: number): Chunk {
  return { from: next, to: Math.max(next, Math.min(next + size, end)) };
}

/** @param inserted how many of the chunk were inserted, their names not having been taken */
export function progressAfter(
  { taken }: SeedProgress,
  { from, to }: Chunk,
  inserted: number,
): SeedProgress {
  return { next: to, taken: taken + (to - from - inserted) };
}

/** Names that must be there if what is recorded still holds: the table may have been emptied. */
export function sampleNames({ next }: SeedProgress, nameOf: (n: number) => string): string[] {
  const length = Math.min(SAMPLES, next);
  const step = (next - 1) / Math.max(1, length - 1);
  return Array.from({ length }, (_, index) => nameOf(Math.floor(index * step)));
}
