import type { ResultSetHeader } from "mysql2";
import type { MysqlClient } from "./client.ts";
import { type CheckedRow, PRIMARY_CHECK } from "./connection.ts";
import { isDuplicateKey } from "./errors.ts";

type SecretRow = CheckedRow & { readonly value: string | null };

/** See `UserStore.secret`. If several servers make it at the same time, the first INSERT counts. */
export async function sharedSecret(
  client: MysqlClient,
  name: string,
  make: () => string,
): Promise<string> {
  const stored = await read(client, name);
  if (stored !== undefined) return stored;
  const made = make();
  try {
    await client.execute<ResultSetHeader>(
      "INSERT INTO secret (name, value, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())",
      [name, made],
    );
    return made;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  const other = await read(client, name);
  if (other === undefined) throw new Error(`the secret ${name} was deleted while it was read`);
  return other;
}

async function read(client: MysqlClient, name: string): Promise<string | undefined> {
  const [row] = await client.read<SecretRow>(
    `SELECT value, ${PRIMARY_CHECK} FROM (SELECT 1) AS one LEFT JOIN secret ON name = ?`,
    [name],
  );
  return row?.value ?? undefined;
}
