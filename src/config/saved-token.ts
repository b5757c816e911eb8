import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./load.ts";

// The tokens that `bun run start` and `bun run dev` make for their tiers if the environment names
// none, one file for each caller. Any user who can read a file can call the RPC as that caller.
// `bun run rpc` with the same DATA_DIR reads them.

const FILES = {
  http: { name: "rpc-token", variable: "RPC_TOKEN" },
  admin: { name: "admin-token", variable: "RPC_TOKENS" },
} as const;

/** A caller whose token is saved. */
export type SavedCaller = keyof typeof FILES;

export function isSavedCaller(caller: string): caller is SavedCaller {
  return Object.hasOwn(FILES, caller);
}

const TOKEN_BYTES = 32;
const PATTERN = /^[\w-]{16,256}$/;
/** Permissions of users other than the file's owner. */
const OTHERS = 0o077;

export interface OwnToken {
  readonly token: string;
  /** Why the token could not be saved. Then only this process and its children know it. */
  readonly whyUnsaved?: string;
}

/**
 * Read the token of a caller in a folder; create what is missing. Processes that do so at the same
 * time get the same token.
 * @throws {ConfigError} the file cannot be trusted or used
 */
export function ownToken(dataDir: string, caller: SavedCaller): OwnToken {
  const saved = readSavedToken(dataDir, caller);
  const path = join(dataDir, FILES[caller].name);
  if (saved !== undefined) return { token: saved };
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  try {
    mkdirSync(dataDir, { recursive: true });
    save(token, path);
  } catch (error) {
    const why = error instanceof Error ? error.message : `${error}`;
    return { token, whyUnsaved: why };
  }
  const kept = readSavedToken(dataDir, caller);
  if (kept !== undefined) return { token: kept };
  return { token, whyUnsaved: `${path} is a link to a missing file` };
}

/** Create the file whole or not at all. An existing file stays: link() fails if the name exists. */
function save(token: string, path: string): void {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, `${token}\n`);
    if ((fstatSync(file).mode & OTHERS) !== 0)
      throw new Error("the file system does not support permissions");
    linkSync(draft, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
}

/**
 * The token of a caller in a folder, if there is one.
 * @throws {ConfigError} other users can read the file, or it holds no token
 */
export function readSavedToken(dataDir: string, caller: SavedCaller): string | undefined {
  const { name, variable } = FILES[caller];
  const path = join(dataDir, name);
  const refused = (why: string, remedy: string) =>
    new ConfigError(`${path} ${why}: ${remedy}, or set ${variable}`);
  let file: number | undefined;
  try {
    // A pipe in its place must not stop a process that reads its settings again.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(file);
    if (!stat.isFile()) throw refused("is not a file", "remove it");
    if ((stat.mode & OTHERS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8);
      throw refused(`can be read or written by other users (mode ${mode})`, `chmod 600 ${path}`);
    }
    const text = readFileSync(file, "utf8").trim();
    if (PATTERN.test(text)) return text;
    throw refused("holds no token", "remove it, and `bun run start` or `dev` creates another");
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return undefined;
    if (error instanceof ConfigError) throw error;
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw refused(`cannot be read (${why})`, "run as the user that started the tiers");
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
