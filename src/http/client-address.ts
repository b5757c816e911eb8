import { type BlockList, isIP, isIPv6 } from "node:net";
import type { Server } from "bun";
import type { Log } from "../rpc/log.ts";

/** The address of a request whose browser has already closed its connection. */
export const UNKNOWN_ADDRESS = "unknown";

/** `[::1]`, `[::1]:80`, `1.2.3.4` or `1.2.3.4:80`. */
const WITH_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d+)?$/;
/** An IPv4 address in IPv6, as the URL parser writes it. */
const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/;

/** The parts of an exchange that tell the address. */
interface Asked {
  readonly request: Request;
  readonly server: Pick<Server<undefined>, "requestIP">;
}

/** Finds the address of the browser that sent a request. */
export class ClientAddress {
  #trusted: BlockList | undefined;
  readonly #log: Log;
  #hasWarned = false;

  /** @param trusted the proxies whose X-Forwarded-For counts; undefined: none */
  constructor(trusted: BlockList | undefined, log: Log) {
    this.#trusted = trusted;
    this.#log = log;
  }

  /** @param trusted as in the constructor; from now on */
  trust(trusted: BlockList | undefined): void {
    this.#trusted = trusted;
    this.#hasWarned = false;
  }

  /**
   * The address of the browser in its shortest form, IPv4 if it can be. It is the peer of the
   * socket or, if that is a trusted proxy, the rightmost entry of X-Forwarded-For that is none.
   *
   * Each proxy appends the address of its own peer, so an entry is true if a trusted proxy wrote
   * it. An entry that is no address ends the walk: the proxy that wrote it counts as the browser.
   * If all entries are trusted, the leftmost one is the browser.
   *
   * Takes time only if it is called: most requests do not need the address.
   */
  of({ request, server }: Asked): string {
    const peer = server.requestIP(request)?.address;
    let address = peer && addressIn(peer);
    if (!address) return UNKNOWN_ADDRESS;
    const forwarded = request.headers.get("X-Forwarded-For"); // Bun joins the lines by commas.
    if (forwarded === null) return address;
    if (!this.#isTrusted(address)) {
      this.#warnOnce(address);
      return address;
    }
    let end = forwarded.length;
    while (end >= 0 && this.#isTrusted(address)) {
      const comma = end === 0 ? -1 : forwarded.lastIndexOf(",", end - 1);
      const before = addressIn(forwarded.slice(comma + 1, end));
      if (!before) break;
      address = before;
      end = comma;
    }
    return address;
  }

  /** Whether there is any trusted proxy. */
  get hasTrusted(): boolean {
    return this.#trusted !== undefined;
  }

  /** Whether the peer of the socket is a trusted proxy. */
  isFromTrusted({ request, server }: Asked): boolean {
    const address = addressIn(server.requestIP(request)?.address ?? "");
    return address !== undefined && this.#isTrusted(address);
  }

  #isTrusted(address: string): boolean {
    return this.#trusted?.check(address, isIPv6(address) ? "ipv6" : "ipv4") ?? false;
  }

  /** Warn only once: clients can send the header too, and could fill the log. */
  #warnOnce(peer: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const why = "if this is your proxy, add it to TRUSTED_PROXIES";
    this.#log.warn({ peer }, `ignored X-Forwarded-For of a peer that is not trusted: ${why}`);
  }
}

/**
 * The address in an entry of X-Forwarded-For, without port, brackets and zone; undefined if it
 * holds none. Two spellings of one address give the same text.
 */
export function addressIn(entry: string): string | undefined {
  const text = entry.trim().replace(/^"(.*)"$/, "$1");
  const [, bracketed, plain = text] = WITH_PORT.exec(text) ?? [];
  const address = (bracketed ?? plain).replace(/%.*/, ""); // The zone of an IPv6 address.
  if (isIP(address) === 0 || (bracketed !== undefined && !isIPv6(bracketed))) return undefined;
  if (!isIPv6(address)) return address;
  const short = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  const [, high, low] = (short && MAPPED.exec(short)) || [];
  if (high === undefined || low === undefined) return short;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join(".");
}
