import type { Address } from "../address.ts";
import type { RpcError } from "../error.ts";
import type { Log } from "../log.ts";
import { FrameError } from "../wire/frame.ts";
import { TlsError } from "./socket.ts";

/** While a server stays away, it is logged again this often. */
const REMINDER_MS = 30_000;
/** Tiers that are started together are not ready together. */
const START_MS = 2000;

/** Logs when a server is lost, cannot be used, or is back: once per change. */
export class ServerLog {
  readonly #server: string;
  readonly #log: Log;
  /** While the server is away: why it cannot be used, or "" if it is only lost. */
  #trouble: string | undefined;
  #wasOpen = false;
  #firstFailureAt = Infinity;
  #loggedAt = -Infinity;

  constructor({ host, port, name }: Address, log: Log) {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#server = name === undefined ? address : `${address} (${name})`;
    this.#log = log;
  }

  up(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info(`TCP server ${this.#server} is ${this.#wasOpen ? "back" : "up"}`);
  }

  /** @param wasOpen there was a connection at some time */
  down(error: RpcError, wasOpen: boolean): void {
    const now = performance.now();
    this.#wasOpen = wasOpen;
    this.#firstFailureAt = Math.min(this.#firstFailureAt, now);
    const reason = reasonOf(error);
    const isRefused = isRefusal(error);
    const trouble = isRefused ? reason : "";
    if (!wasOpen && !isRefused && now - this.#firstFailureAt < START_MS) return;
    if (trouble === this.#trouble && now - this.#loggedAt < REMINDER_MS) return;
    this.#trouble = trouble;
    this.#loggedAt = now;
    const lost = wasOpen ? "lost" : "cannot reach";
    this.#log.warn({ reason }, `${isRefused ? "cannot use" : lost} TCP server ${this.#server}`);
  }

  /** The connections from before a change of the token or the authority are still in use. */
  notRenewed(error: RpcError): void {
    const now = performance.now();
    if (now - this.#loggedAt < REMINDER_MS) return;
    this.#loggedAt = now;
    const event = `keeping the old connections to TCP server ${this.#server}: it takes no new ones`;
    this.#log.warn({ reason: reasonOf(error) }, event);
  }
}

/** One side refuses the other: more tries do not help, as they do with a server that is away. */
function isRefusal({ cause }: RpcError): boolean {
  return cause instanceof FrameError || cause instanceof TlsError;
}

/** The code says more than "connect failed" does. */
function reasonOf({ message, cause }: RpcError): string {
  const code = cause instanceof Error && "code" in cause ? `${cause.code}` : "";
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
