import { randomBytes } from "node:crypto";
import {
  closeSync,
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

// The token that `bun run start` and `bun run dev` make for their tiers if RPC_TOKEN is not set.
// Any user who can read the file can call the RPC. `bun run rpc` with the same DATA_DIR reads it.

const FILE = "rpc-token";
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
 * Read the token of a folder; create what is missing. Processes that do so at the same time get the
 * same token.
 * @throws {ConfigError} the file cannot be trusted or used
 */
export function ownRpcToken(dataDir: string): OwnToken {
  const saved = readRpcToken(dataDir);
  if (saved !== undefined) return { token: saved };
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  try {
    mkdirSync(dataDir, { recursive: true });
    save(token, join(dataDir, FILE));
  } catch (error) {
    const why = error instanceof Error ? error.message : `${error}`;
    return { token, whyUnsaved: why };
  }
  const kept = readRpcToken(dataDir);
  if (kept !== undefined) return { token: kept };
  return { token, whyUnsaved: `${join(dataDir, FILE)} is a link to a missing file` };
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
 * The token in a folder, if there is one.
 * @throws {ConfigError} other users can read the file, or it holds no token
 */
export function readRpcToken(dataDir: string): string | undefined {
  const path = join(dataDir, FILE);
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const stat = fstatSync(file);
    if (!stat.isFile()) throw refused(path, "is not a file", "remove it");
    if ((stat.mode & OTHERS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8);
      throw refused(
        path,
        `can be read or written by other users (mode ${mode})`,
        `chmod 600 ${path}`,
      );
    }
    const text = readFileSync(file, "utf8").trim();
    if (PATTERN.test(text)) return text;
    throw refused(
      path,
      "holds no token",
      "remove it, and `bun run start` or `dev` creates another",
    );
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return undefined;
    if (error instanceof ConfigError) throw error;
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw refused(path, `cannot be read (${why})`, "run as the user that started the tiers");
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function refused(path: string, why: string, remedy: string): ConfigError {
  return new ConfigError(`${path} ${why}: ${remedy}, or set RPC_TOKEN`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
