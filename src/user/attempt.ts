import type { Client } from "../gen/user.ts";
import type { Actor } from "./actor.ts";
import type { Guess } from "./guess.ts";
import type { Turn } from "./hash-queue.ts";

/** Whose attempt it is. */
export interface Attempt {
  /** Undefined if the caller does not name its client. */
  readonly client?: Client | undefined;
  readonly actor: Actor;
}

/** The attempt to sign in to an account. */
export interface SignInAttempt {
  /** Whose turn it is in the queue of hashes. */
  readonly address: string;
  /** For the check of the password. */
  readonly guess: Guess;
  /**
   * Count that there is no such user. Only the address is charged: invented names use no memory.
   * @throws {RpcError} rate_limited
   */
  unknownUser(): Promise<void>;
  /** @returns an id for this device, unless the one that it is known by counts */
  newDeviceId(): string | undefined;
}

/** The attempt to sign up. Its turn is for the hash of the password. */
export interface SignUpAttempt {
  readonly turn: Turn;
  /** Count that the name is taken. @throws {RpcError} rate_limited */
  taken(): Promise<void>;
}
