import { type Counter, counterOf } from "./failures.ts";
import { LIMITS } from "./limits.ts";
import type { Origin } from "./origin.ts";

/** Where an attempt comes from. */
export interface From extends Origin {
  /**
   * Whether many users share this address: it is that of a proxy on this machine that
   * TRUSTED_PROXIES does not name, or of an HTTP tier that names no clients. Its failures say
   * nothing about one user, and refusing it would lock all of them out.
   */
  readonly isShared: boolean;
}

/** The counters of one attempt to sign in. */
export class SignInCounters {
  readonly device: Counter | undefined;
  /** Undefined without a known device. */
  readonly devices: Counter | undefined;
  readonly network: Counter;
  readonly address: Counter | undefined;
  readonly account: Counter;
  readonly #network: string;
  #reserve: Counter | undefined;

  constructor(username: string, from: From, nonce: string | undefined) {
    const account = accountSubject(username);
    if (nonce !== undefined) {
      this.device = counterOf(LIMITS.device, account, nonce);
      this.devices = counterOf(LIMITS.devices, account);
    }
    this.network = counterOf(LIMITS.network, account, from.network);
    this.address = from.isShared ? undefined : counterOf(LIMITS.address, addressSubject(from));
    this.account = counterOf(LIMITS.account, account);
    this.#network = from.network;
  }

  /** Needed only if the account's failures are used up. */
  get reserve(): Counter {
    this.#reserve ??= counterOf(LIMITS.reserve, this.account.subject, this.#network);
    return this.#reserve;
  }

  get all(): Counter[] {
    const { device, devices, network, address, account, reserve } = this;
    return [device, devices, network, address, account, reserve].filter(
      (each) => each !== undefined,
    );
  }
}

/** The subject of an account begins like this. */
export const ACCOUNT = "account ";

export function accountSubject(username: string): string {
  return ACCOUNT + username;
}

export function addressSubject({ address }: Pick<Origin, "address">): string {
  return `address ${address}`;
}
