import type { Log } from "../rpc/log.ts";
import { Refusal } from "./reply.ts";

/** At most this much of an Origin is logged: a client can send anything. */
const MAX_LOGGED_CHARACTERS = 200;

/** Keeps other sites from changing state in a user's name. */
export class SameSite {
  readonly #publicOrigin: string | undefined;
  readonly #log: Log;
  #hasWarned = false;

  /** @param publicOrigin of PUBLIC_URL; if undefined, Origin must match the Host */
  constructor(publicOrigin: string | undefined, log: Log) {
    this.#publicOrigin = publicOrigin;
    this.#log = log;
  }

  /**
   * Refuse a request that a browser sends on behalf of another site. Clients that send neither
   * header pass: they are not browsers.
   * @throws {Refusal} 403
   */
  check({ headers }: Request): void {
    const site = headers.get("Sec-Fetch-Site");
    if (site !== null) {
      if (site === "same-origin" || site === "none") return;
      throw new Refusal(403, "Sec-Fetch-Site: same-origin or none");
    }
    const origin = headers.get("Origin");
    if (origin === null || this.#isOwn(origin, headers.get("Host"))) return;
    this.#warnOnce(origin);
    throw new Refusal(403, "Origin: must be the origin of PUBLIC_URL");
  }

  #isOwn(origin: string, host: string | null): boolean {
    if (this.#publicOrigin !== undefined) return origin === this.#publicOrigin;
    const sent = URL.parse(origin);
    if (!host || !sent?.host) return false;
    // A proxy may add the default port of the scheme to the Host.
    return (
      sent.host === host.toLowerCase() || sent.host === URL.parse(`${sent.protocol}//${host}`)?.host
    );
  }

  /** Warn only once: other sites could fill the log. */
  #warnOnce(origin: string): void {
    if (this.#hasWarned || !/^https?:/.test(origin)) return;
    this.#hasWarned = true;
    const why =
      this.#publicOrigin === undefined
        ? "set PUBLIC_URL if this is the address of the service"
        : `PUBLIC_URL is ${this.#publicOrigin}`;
    const fields = { origin: origin.slice(0, MAX_LOGGED_CHARACTERS) };
    this.#log.warn(fields, `refused a request from another origin: ${why}`);
  }
}

/**
 * Refuse a request that a browser makes before its user has clicked.
 * @throws {Refusal} 403
 */
export function refusePrefetch({ headers }: Request): void {
  for (const name of PREFETCH_HEADERS) {
    if (headers.get(name)?.toLowerCase().includes("prefetch")) {
      throw new Refusal(403, `${name}: must not be prefetch, since this changes state`);
    }
  }
}

const PREFETCH_HEADERS = ["Sec-Purpose", "Purpose", "X-Moz"];
