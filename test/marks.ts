import { randomBytes } from "node:crypto";

const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/**
 * Every mark begins with it, so that one search of a text finds all marks. It is so long that no
 * hash has it by chance, encoded or not.
 */
const BEGIN = "qZ7Yw3";
const RANDOM_LETTERS = 7;
const MARK = new RegExp(`${BEGIN}[${LETTERS}]{${RANDOM_LETTERS}}`, "g");
/** The beginning of a mark in hex, and in base64. */
const ENCODED = new RegExp(
  [Buffer.from(BEGIN).toString("hex"), Buffer.from(BEGIN).toString("base64")].join("|"),
  "g",
);
/** Wherever a secret of the service may be: a session id, a device id. */
const TOKEN = /[\w-]{20,}/g;
const CONTEXT_LENGTH = 200;

/** Secrets that no other text contains by chance, and what each of them is. */
export class Marks {
  /** What it is, by the secret. */
  readonly #marks = new Map<string, string>();

  /** A new secret that is valid as a password, a username, a token and a part of a URL. */
  make(what: string): string {
    const letters = Array.from(randomBytes(RANDOM_LETTERS), (b) => LETTERS[b % LETTERS.length]);
    const mark = BEGIN + letters.join("");
    this.#marks.set(mark, what);
    return mark;
  }

  /** Watch for a secret that the service has made. */
  add(what: string, secret: string): void {
    if (secret.match(TOKEN)?.[0] !== secret) throw new Error(`Cannot watch for "${secret}"`);
    this.#marks.set(secret, what);
  }

  /** The secrets in a text, also as base64 and hex, except those that are `allowed`. */
  in(text: string, allowed?: string): string[] {
    const found: string[] = [];
    for (const pattern of [MARK, TOKEN, ENCODED]) {
      for (const { 0: secret, index } of text.matchAll(pattern)) {
        const what = pattern === ENCODED ? "an encoded mark" : this.#marks.get(secret);
        if (what === undefined || what === allowed) continue;
        found.push(`${what}: ${text.slice(Math.max(0, index - CONTEXT_LENGTH), index + 50)}`);
      }
    }
    return found;
  }
}
