import hyperid from "hyperid";
import type { ClientAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";

export const REQUEST_ID = "X-Request-Id";
/** The ids of nginx, Envoy, HAProxy and of UUIDs. No character needs quotes in a shell. */
const SANE = /^[\w.:/+=-]{1,64}$/;

/** Gives each request its id, by which both tiers log it. */
export class RequestIds {
  readonly next = hyperid({ urlSafe: true });
  readonly #clientAddress: ClientAddress;

  constructor(clientAddress: ClientAddress) {
    this.#clientAddress = clientAddress;
  }

  /** The id that a trusted proxy has given the request, else a new one. */
  of(request: Request, server: Exchange["server"]): string {
    if (!this.#clientAddress.hasTrusted) return this.next();
    const given = request.headers.get(REQUEST_ID);
    if (given === null || !SANE.test(given)) return this.next();
    return this.#clientAddress.isFromTrusted({ request, server }) ? given : this.next();
  }
}
