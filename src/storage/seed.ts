import type { User } from "../user/stores.ts";

/** This many inserted users are looked up, to check that they are still in the table. */
const SAMPLES = 100;

/** User n, counted from 0. */
export type UserOf = (n: number) => User;

/**
 * How far a seed has come. The database keeps these numbers and changes them in the transaction of
 * the rows, so they are right even if the process is killed.
 */
export interface SeedProgress {
  /** The first user that has not been processed. */
  readonly next: number;
  /** How many processed users were not inserted, because their names were taken. */
  readonly taken: number;
}

/** Inserts many users into the table `user`. Every method throws a StorageError. */
export interface Seed {
  /** Such as "MySQL at 127.0.0.1:3306/portico". */
  readonly database: string;
  /** How the rows are inserted, such as "multi-row INSERT". */
  readonly method: string;
  progress(): Promise<SeedProgress>;
  /** Process the next users, as many as one transaction takes, but none from `end` on. */
  advance(end: number, userOf: UserOf): Promise<SeedProgress>;
  close(): Promise<void>;
}

/** The users of one transaction. */
export interface Chunk {
  readonly from: number;
  /** Exclusive; equal to `from` if nothing is left to do. */
  readonly to: number;
}

/** The next `size` users, or fewer before `end`. */
export function nextChunk({ next }: SeedProgress, size: number, end: number): Chunk {
  return { from: next, to: Math.max(next, Math.min(next + size, end)) };
}

/** @param inserted how many users of the chunk were inserted */
export function progressAfter(
  { taken }: SeedProgress,
  { from, to }: Chunk,
  inserted: number,
): SeedProgress {
  return { next: to, taken: taken + (to - from - inserted) };
}

/** Names that must be in the table, unless the table was emptied after the recorded progress. */
export function sampleNames({ next }: SeedProgress, nameOf: (n: number) => string): string[] {
  const length = Math.min(SAMPLES, next);
  const step = (next - 1) / Math.max(1, length - 1);
  return Array.from({ length }, (_, index) => nameOf(Math.floor(index * step)));
}
