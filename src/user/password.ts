import { timingSafeEqual } from "node:crypto";
import { hash as argon2Hash, verify as argon2Verify } from "@node-rs/argon2";
import type { Cancellable } from "./call.ts";
import { HashQueue } from "./hash-queue.ts";
import type { StoredPassword } from "./stores.ts";

/** The scheme and cost of new password hashes. */
export type PasswordScheme =
  | {
      readonly name: "argon2id";
      readonly memoryKib: number;
      readonly passes: number;
      readonly lanes: number;
    }
  | { readonly name: "salted-md5" };

const CLASSIC_HASH = /^[0-9a-f]{32}$/i;
const PHC_COST = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/;
const SALT_CHARACTERS = 4;

/** Hashes passwords by the configured scheme and verifies those of any scheme. */
export class Passwords {
  readonly #scheme: PasswordScheme;
  readonly #queue: HashQueue;

  constructor(scheme: PasswordScheme, queue = new HashQueue()) {
    this.#scheme = scheme;
    this.#queue = queue;
  }

  /** @throws {RpcError} as `HashQueue.run` does */
  async hash(password: string, call: Cancellable): Promise<StoredPassword> {
    if (this.#scheme.name === "salted-md5") return classicPasswords(password)();
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#scheme;
    // The library makes argon2id by default.
    const cost = { memoryCost, timeCost, parallelism };
    const phc = await this.#queue.run(call, () => argon2Hash(password, cost));
    return { password: phc, salt: "" };
  }

  /**
   * Check a password by the scheme of `stored`. The classic scheme is cheap and does not queue.
   * @throws {RpcError} as `HashQueue.run` does
   * @throws {Error} `stored` is of an unknown scheme
   */
  verify(password: string, stored: StoredPassword, call: Cancellable): Promise<boolean> {
    if (!CLASSIC_HASH.test(stored.password)) {
      return this.#queue.run(call, () => argon2Verify(stored.password, password));
    }
    const hash = Uint8Array.fromHex(classicHash(password, stored.salt));
    return Promise.resolve(timingSafeEqual(hash, Uint8Array.fromHex(stored.password)));
  }

  /** Whether `stored` is weaker than the configured scheme. A stronger one stays as it is. */
  needsRehash(stored: StoredPassword): boolean {
    if (this.#scheme.name === "salted-md5") return false;
    const [, memoryKib, passes] = PHC_COST.exec(stored.password) ?? [];
    return (
      Number(memoryKib ?? 0) < this.#scheme.memoryKib || Number(passes ?? 0) < this.#scheme.passes
    );
  }
}

/** Hashes one password by the classic scheme, with a new salt at each call. */
export function classicPasswords(password: string): () => StoredPassword {
  const inner = md5(password);
  return () => {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_CHARACTERS / 2)).toHex();
    return { password: md5(salt + inner + salt), salt };
  };
}

/** The scheme of the original system: md5(salt + md5(password) + salt), in hex. */
export function classicHash(password: string, salt: string): string {
  return md5(salt + md5(password) + salt);
}

function md5(text: string): string {
  return Bun.MD5.hash(text, "hex");
}
