/** One step of the schema. Each is recorded in the table `migration`, in the database itself. */
export interface Migration {
  /** Its order and its identity: never renumber, nor change what one that was released does. */
  readonly version: number;
  readonly name: string;
  /** One statement. */
  readonly sql: string;
}

/** A row of the table `migration`. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  /** UTC, as in "2026-11-23 14:52:13". */
  readonly appliedAt: string;
}

export interface MigrationState extends Pick<Migration, "version" | "name"> {
  /** Undefined for one that is pending. */
  readonly appliedAt: string | undefined;
  /** False for one that a newer version of Portico has applied. */
  readonly isKnown: boolean;
}

/** What a migrator does that may take long. */
export interface MigrationEvents {
  /** Somebody else is at the database: this says who. */
  waiting(why: string): void;
  applying(migration: Migration): void;
}

/** A migration that this database cannot take as it is: trying again would not help. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";

  constructor({ version, name }: Migration, why: string, options?: ErrorOptions) {
    super(`migration ${version} (${name}) cannot be applied: ${why}`, options);
  }
}

/** A table that no migration is pending for, or will make fit: trying again would not help. */
export class UnfitTableError extends Error {
  override readonly name = "UnfitTableError";

  constructor(why: string, options?: ErrorOptions) {
    super(`no user could sign up with the table user as it is: ${why}`, options);
  }
}

/** Those of this version and those recorded, in order. */
export function statesOf(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): MigrationState[] {
  const versions = new Set(known.map(({ version }) => version));
  const newer = applied.filter(({ version }) => !versions.has(version));
  return [
    ...known.map(({ version, name }) => {
      const appliedAt = applied.find((each) => each.version === version)?.appliedAt;
      return { version, name, appliedAt, isKnown: true };
    }),
    ...newer.map((each) => ({ ...each, isKnown: false })),
  ].sort((one, other) => one.version - other.version);
}

/** Those of `known` that are not recorded, in order. */
export function pendingOf<M extends Migration>(
  known: readonly M[],
  applied: Iterable<{ readonly version: number }>,
): M[] {
  const done = new Set(Array.from(applied, ({ version }) => version));
  return known
    .filter(({ version }) => !done.has(version))
    .sort((one, other) => one.version - other.version);
}
