import { createHmac } from "node:crypto";
import type { Pepper } from "./pepper.ts";
import type { UserStore } from "./stores.ts";

/** Few: a thief of the database cannot tell from them whether a guess at the secret is right. */
const CHECK_DIGITS = 4;

/**
 * Compare each pepper with a check value in the database, which the first start with it stores.
 * With another secret, all passwords that have the pepper would be wrong.
 * @throws {Error} a secret was changed, but not its id
 * @throws {StorageError} a check value cannot be read
 */
export async function checkPeppers(
  peppers: readonly Pepper[],
  stored: UserStore["secret"],
): Promise<void> {
  for (const { id, secret } of peppers) {
    const check = createHmac("sha256", secret).update("check").digest("hex").slice(0, CHECK_DIGITS);
    const name = `pepper-check-${id}`;
    if ((await stored(name, () => check)) === check) continue;
    throw new Error(
      `PASSWORD_PEPPER: the secret of "${id}" is not the one that was first used with this ` +
        "database: passwords that have this pepper could not be verified. Give it the old " +
        `secret, or a new id. If no password has it, delete "${name}" from the table secret`,
    );
  }
}
