import { Database } from "bun:sqlite";
import { isBusy } from "./file.ts";

/**
 * Hold a lock file until the result is disposed of, or until this process ends in any way: SQLite
 * locks the file through the kernel. The file stays, and is empty.
 * @throws {Error} another process holds it
 */
export function lockFile(path: string, holder: string): Disposable {
  const file = new Database(path);
  try {
    file.run("BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    throw isBusy(error) ? new Error(`${holder} is running already: it holds ${path}`) : error;
  }
  return { [Symbol.dispose]: () => file.close() };
}
