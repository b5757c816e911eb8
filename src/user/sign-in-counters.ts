import { type Counter, counterOf } from "./failures.ts";
import { LIMITS, type Limit } from "./limits.ts";
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
  /** The address and its site. None if many users share the address. */
  readonly addresses: readonly Counter[];
  readonly account: Counter;
  readonly #from: From;
  #reserves: readonly Counter[] | undefined;

  constructor(username: string, from: From, nonce: string | undefined) {
    const account = accountSubject(username);
    if (nonce !== undefined) {
      this.device = counterOf(LIMITS.device, account, nonce);
      this.devices = counterOf(LIMITS.devices, account);
    }
    this.network = counterOf(LIMITS.network, account, from.network);
    this.addresses = addressCounters(from, LIMITS.address, LIMITS.site);
    this.account = counterOf(LIMITS.account, account);
    this.#from = from;
  }

  /** Needed only if the account's failures are used up. */
  get reserves(): readonly Counter[] {
    this.#reserves ??= reservesOf(this.account.subject, this.#from);
    return this.#reserves;
  }

  get all(): Counter[] {
    const { device, devices, network, addresses, account, reserves } = this;
    return [device, devices, network, ...addresses, account, ...reserves].filter(
      (each) => each !== undefined,
    );
  }
}

function reservesOf(account: string, { network, site }: From): Counter[] {
  const counter = counterOf(LIMITS.reserve, account, network);
  return site === undefined ? [counter] : [counter, counterOf(LIMITS.siteReserve, account, site)];
}

/** The subject of an account begins like this. */
export const ACCOUNT = "account ";

export function accountSubject(username: string): string {
  return ACCOUNT + username;
}

export function addressSubject({ address }: Pick<Origin, "address">): string {
  return `address ${address}`;
}

export function siteSubject(site: string): string {
  return `site ${site}`;
}

/** The counters of an address and, with IPv6, of its site. */
export function addressCounters(from: From, limit: Limit, siteLimit: Limit): Counter[] {
  if (from.isShared) return [];
  const counter = counterOf(limit, addressSubject(from));
  const { site } = from;
  return site === undefined ? [counter] : [counter, counterOf(siteLimit, siteSubject(site))];
}
