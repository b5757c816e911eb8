import { openRowsAt } from "./contract/rows.ts";
import { sharedMariaDb } from "./mariadb.ts";
import type { Databases } from "./own-servers.ts";
import { createFolder } from "./storage-pairs.ts";

/** An empty MySQL database, and a raw connection to it. */
export async function openDatabase(server?: Databases) {
  const databaseUrl = await (server ?? (await sharedMariaDb())).createDatabase();
  const folder = await createFolder();
  const rows = await openRowsAt(databaseUrl, folder.dataDir);
  return {
    databaseUrl,
    dataDir: folder.dataDir,
    query: rows.query,
    async [Symbol.asyncDispose]() {
      await rows[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
