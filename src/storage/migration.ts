/** One step of the schema. Each applied step is recorded in the database, in table `migration`. */
export interface Migration {
  /** Order and identity: never renumber or change a released migration. */
  readonly version: number;
  readonly name: string;
  /** One statement. */
  readonly sql: string;
}

/** A row of the table `migration`. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  /** UTC, such as "2026-11-23 14:52:13". */
  readonly appliedAt: string;
}

export interface MigrationState extends Pick<Migration, "version" | "name"> {
  /** Undefined if the migration is pending. */
  readonly appliedAt: string | undefined;
  /** False if a newer version of Portico applied it. */
  readonly isKnown: boolean;
}

/** Reports the steps of a migration that may take long. */
export interface MigrationEvents {
  /** @param why names the holder of the database or the table */
  waiting(why: string): void;
  applying(migration: Migration): void;
}

/** This database cannot take a migration as it is: trying again would not help. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";

  constructor({ version, name }: Migration, why: string, options?: ErrorOptions) {
    super(`migration ${version} (${name}) cannot be applied: ${why}`, options);
  }
}

/** The table does not fit, and no migration is pending: trying again would not help. */
export class UnfitTableError extends Error {
  override readonly name = "UnfitTableError";

  constructor(why: string, options?: ErrorOptions) {
    super(`no user could sign up with the table user as it is: ${why}`, options);
  }
}

/** The states of the known and of the recorded migrations, in order. */
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

/** @param known migrations in order */
export function pendingOf<M extends Migration>(
  known: readonly M[],
  applied: readonly AppliedMigration[],
): M[] {
  const done = new Set(applied.map(({ version }) => version));
  return known.filter(({ version }) => !done.has(version));
}
