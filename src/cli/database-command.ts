import { StorageError } from "../user/stores.ts";
import { UsageError } from "./usage.ts";

/** How a command that works on the database ends where it could not; others are its own. */
export const ExitCode = {
  /** Arguments or environment are wrong. */
  misunderstood: 2,
  databaseFailed: 3,
} as const;

/** Says on stderr what takes long before the work itself begins. */
export const MIGRATION_NOTES = {
  waiting: (why: string) => console.error(`Waiting for the database: ${why}`),
  applying: ({ version, name }: { version: number; name: string }) =>
    console.error(`Applying migration ${version}, ${name}`),
};

/** Run such a command, which resolves to its exit code, as the whole of this process. */
export async function runDatabaseCommand(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (error instanceof UsageError) process.exitCode = ExitCode.misunderstood;
    else if (error instanceof StorageError) process.exitCode = ExitCode.databaseFailed;
    else throw error;
    console.error(error.message);
  }
}
