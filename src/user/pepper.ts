import { createHmac } from "node:crypto";

/** A secret that is not in the database, and without which its hashes cannot be guessed. */
export interface Pepper {
  /** Is stored with each hash, so that the secret is found again. */
  readonly id: string;
  readonly secret: string;
}

/** The secrets that are mixed into passwords before they are hashed. */
export class Peppers {
  readonly #secrets: ReadonlyMap<string, string>;
  /** The id of the pepper of new hashes; undefined if they have none. */
  readonly currentId: string | undefined;

  /** @param peppers the first is for new hashes; the others are only for verifying */
  constructor(peppers: readonly Pepper[]) {
    this.#secrets = new Map(peppers.map(({ id, secret }) => [id, secret]));
    this.currentId = peppers[0]?.id;
  }

  /**
   * What argon2id hashes: without a pepper the text itself, else its HMAC-SHA256 in
   * hex, because the library takes only UTF-8.
   * @throws {Error} there is no such pepper
   */
  apply(pepperId: string | undefined, text: string): string {
    if (pepperId === undefined) return text;
    const secret = this.#secrets.get(pepperId);
    if (secret === undefined) {
      throw new Error(
        `Cannot verify a password: its pepper "${pepperId}" is not in PASSWORD_PEPPER`,
      );
    }
    return createHmac("sha256", secret).update(text).digest("hex");
  }
}
