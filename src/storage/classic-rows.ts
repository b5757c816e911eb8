import type { StoredPassword } from "../user/stores.ts";

/** A row of the table `user` whose password is of the classic scheme. */
export interface ClassicRow extends StoredPassword {
  readonly id: number;
}

export interface WrappedRow {
  readonly row: ClassicRow;
  /** What replaces the password of the row. The salt stays. */
  readonly password: string;
}

/** All rows of the classic scheme, for `bun run migrate`. Every method throws a StorageError. */
export interface ClassicRows {
  /** Such as "MySQL at 127.0.0.1:3306/portico". */
  readonly database: string;
  count(): Promise<number>;
  /** The next rows in the order of their ids, from the first whose id is larger. */
  after(id: number, limit: number): Promise<ClassicRow[]>;
  /**
   * Replace passwords that still are as they were read, so that a change in between wins.
   * @returns how many were replaced
   */
  replace(rows: readonly WrappedRow[]): Promise<number>;
  close(): Promise<void>;
}
