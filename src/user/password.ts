import { timingSafeEqual } from "node:crypto";
import { hash as argon2Hash, verify as argon2Verify } from "@node-rs/argon2";
import type { Cancellable } from "./call.ts";
import { HashQueue } from "./hash-queue.ts";
import type { StoredPassword } from "./stores.ts";

/** How new passwords are stored. */
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

/** Hashes passwords by one scheme, and verifies them by whichever they were stored. */
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
    // argon2id is what the library makes by default.
    const cost = { memoryCost, timeCost, parallelism };
    const phc = await this.#queue.run(call, () => argon2Hash(password, cost));
    return { password: phc, salt: "" };
  }

  /**
   * @throws {RpcError} as `HashQueue.run` does; the classic scheme costs next to nothing and waits
   *   for nobody
   * @throws {Error} what is stored is of no known scheme
   */
  verify(password: string, stored: StoredPassword, call: Cancellable): Promise<boolean> {
    if (!CLASSIC_HASH.test(stored.password)) {
      return this.#queue.run(call, () => argon2Verify(stored.password, password));
    }
    const hash = Uint8Array.fromHex(classicHash(password, stored.salt));
    return Promise.resolve(timingSafeEqual(hash, Uint8Array.fromHex(stored.password)));
  }

  /** Whether `stored` is weaker than what `hash` makes now: never so for a stronger one. */
  needsRehash(stored: StoredPassword): boolean {
    if (this.#scheme.name === "salted-md5") return false;
    const [, memoryKib, passes] = PHC_COST.exec(stored.password) ?? [];
    return (
      Number(memoryKib ?? 0) < this.#scheme.memoryKib || Number(passes ?? 0) < this.#scheme.passes
    );
  }
}

/** Stores one password by the classic scheme, each time with another salt. */
export function classicPasswords(password: string): () => StoredPassword {
  const inner = md5(password);
  return () => {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_CHARACTERS / 2)).toHex();
    return { password: md5(salt + inner + salt), salt };
  };
}

/** The scheme of the original system: md5(salt + md5(password) + salt), hex throughout. */
export function classicHash(password: string, salt: string): string {
  return md5(salt + md5(password) + salt);
}

function md5(text: string): string {
  return Bun.MD5.hash(text, "hex");
}
