// The list of common passwords, from the npm package @zxcvbn-ts/language-common. `bun run format`
// writes it, and a test compares it.

import { join } from "node:path";
import passwords from "@zxcvbn-ts/language-common/src/passwords.json";
import { PASSWORD_LENGTH } from "../schema/lengths.ts";

export const LIST = join(import.meta.dir, "../src/user/common-passwords.txt");
const LICENSE = join(import.meta.dir, "../node_modules/@zxcvbn-ts/language-common/LICENSE.txt");

/**
 * ASVS 5 (6.2.4) requires the 3,000 most common passwords among those that the other rules allow.
 * These are the shortest passwords that the rules can allow: always, and with PASSWORD_STRICT=on.
 */
const OF_EACH = 3000;
const SHORTEST = [PASSWORD_LENGTH.min, 8];

/** The text of the list: a comment with the licence, an empty line, and the passwords. */
export async function commonPasswords(): Promise<string> {
  const license = (await Bun.file(LICENSE).text()).trimEnd();
  const comment = [
    "Common passwords of 4 to 13 characters, the most common first, from the npm package",
    "@zxcvbn-ts/language-common, under this licence (MIT):",
    "",
    ...license.split("\n"),
  ];
  const chosen = new Set(
    SHORTEST.flatMap((min) =>
      passwords
        .filter(({ length }) => length >= min && length <= PASSWORD_LENGTH.max)
        .slice(0, OF_EACH),
    ),
  );
  const listed = passwords.filter((password) => chosen.has(password));
  return [...comment.map((line) => `# ${line}`.trimEnd()), "", ...listed, ""].join("\n");
}

if (import.meta.main) await Bun.write(LIST, await commonPasswords());
