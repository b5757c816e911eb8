import { Child } from "./child.ts";
import type { Location } from "./storage-pairs.ts";

/** `bun run migrate` in a process of its own. */
export function startMigrate(
  { databaseUrl, dataDir }: Location,
  args: readonly string[] = [],
): Child {
  const environment = { DATA_DIR: dataDir, ...(databaseUrl && { DATABASE_URL: databaseUrl }) };
  return new Child("src/migrate-main.ts", { environment, args });
}

/** Run it until it ends. */
export async function migrate(location: Location, ...args: string[]) {
  await using child = startMigrate(location, args);
  return { exitCode: await child.exited(), output: child.output };
}
