import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Address } from "../address.ts";

/** Every IP address of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const MIN_REFRESH_MS = 1000;

const askDns: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/** What the configured addresses stand for: a host name, for every address that DNS has for it. */
export class Addresses {
  readonly #configured: readonly Address[];
  readonly #refreshMs: number;
  readonly #onChange: (addresses: readonly Address[]) => void;
  readonly #resolve: Resolve;
  /** Host name → what DNS said last. */
  readonly #found = new Map<string, readonly string[]>();
  #askedAt = -Infinity;
  #asking = false;

  constructor(
    configured: readonly Address[],
    refreshMs: number,
    onChange: (addresses: readonly Address[]) => void,
    resolve: Resolve = askDns,
  ) {
    this.#configured = configured;
    this.#refreshMs = refreshMs;
    this.#onChange = onChange;
    this.#resolve = resolve;
  }

  /** Until DNS has answered, a name stands for itself: the system's own look-up is used. */
  get current(): readonly Address[] {
    const all = this.#configured.flatMap(({ host, port }) => {
      const found = this.#found.get(host);
      return found ? found.map((ip) => ({ host: ip, port, name: host })) : [{ host, port }];
    });
    // Of several names for one address the first counts.
    return [...new Map(all.toReversed().map((each) => [keyOf(each), each])).values()].reverse();
  }

  /** Ask DNS again, if it is time for it; sooner where a server was lost. */
  refresh(now: number, isUrgent: boolean): void {
    if (this.#asking || now - this.#askedAt < (isUrgent ? MIN_REFRESH_MS : this.#refreshMs)) return;
    this.#askedAt = now;
    this.#asking = true;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    const before = this.current.map(keyOf).sort().join();
    const names = new Set(this.#configured.map(({ host }) => host));
    await Promise.all(Array.from(names, (host) => this.#askFor(host)));
    this.#asking = false;
    const { current } = this;
    if (current.map(keyOf).sort().join() !== before) this.#onChange(current);
  }

  async #askFor(host: string): Promise<void> {
    if (isIP(host) !== 0) return;
    try {
      const found = await this.#resolve(host);
      if (found.length > 0) this.#found.set(host, found);
    } catch {
      return; // What was known stays: a DNS server that fails is no reason to forget servers.
    }
  }
}

export function keyOf({ host, port }: Address): string {
  return `${host} ${port}`;
}
