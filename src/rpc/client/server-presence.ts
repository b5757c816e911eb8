import type { Address } from "../address.ts";
import type { RpcError } from "../error.ts";
import type { Log } from "../log.ts";

/** While a server stays away, it is named again this often. */
const REMINDER_MS = 30_000;
/** Tiers that are started together are not ready together. */
const START_MS = 2000;

/** Logs when a server is lost, cannot be used, or is back: once per change. */
export class ServerPresence {
  readonly #server: string;
  readonly #log: Log;
  /** While it is away: "" where it is only lost, or why it cannot be used. */
  #trouble: string | undefined;
  #wasUp = false;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  readonly #sinceMs = performance.now();

  constructor({ host, port, name }: Address, log: Log) {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#server = name === undefined ? address : `${address} (${name})`;
    this.#log = log;
  }

  up(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info(`TCP server ${this.#server} is ${this.#wasUp ? "back" : "there"}`);
  }

  /**
   * @param isRefusal one of the two sides does not want the other, and more tries do not help
   * @param wasUp there was a connection at some time
   */
  down(error: RpcError, isRefusal: boolean, wasUp: boolean): void {
    this.#wasUp = wasUp;
    const reason = withCode(error);
    const nowMs = performance.now();
    const trouble = isRefusal ? reason : "";
    if (!wasUp && !isRefusal && nowMs - this.#sinceMs < START_MS) return;
    if (trouble === this.#trouble && nowMs - this.#saidAtMs < REMINDER_MS) return;
    this.#trouble = trouble;
    this.#saidAtMs = nowMs;
    const lost = wasUp ? "lost" : "cannot reach";
    this.#log.warn({ reason }, `${isRefusal ? "cannot use" : lost} TCP server ${this.#server}`);
  }
}

/** The code says more than "connect failed" does. */
function withCode({ message, cause }: RpcError): string {
  const code = cause instanceof Error && "code" in cause ? `${cause.code}` : "";
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
