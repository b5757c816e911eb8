import type { Log } from "../log.ts";
import type { Address } from "./connect.ts";
import type { RpcError } from "./error.ts";

/** While a server stays away, it is named again this often. */
const REMINDER_MS = 30_000;

/** Logs when a server is lost, cannot be used, or is back: once per change. */
export class ServerPresence {
  readonly #server: string;
  readonly #log: Log;
  /** While it is away: "" where it is only lost, or why it cannot be used. */
  #trouble: string | undefined;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #wasUp = false;

  constructor({ host, port, name }: Address, log: Log) {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#server = name === undefined ? address : `${address} (${name})`;
    this.#log = log;
  }

  up(): void {
    this.#wasUp = true;
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info(`TCP server ${this.#server} is back`);
  }

  /** @param isRefusal one of the two sides does not want the other, and more tries do not help */
  down(error: RpcError, isRefusal: boolean): void {
    const reason = withCode(error);
    const nowMs = performance.now();
    const trouble = isRefusal ? reason : "";
    if (trouble === this.#trouble && nowMs - this.#saidAtMs < REMINDER_MS) return;
    this.#trouble = trouble;
    this.#saidAtMs = nowMs;
    const lost = this.#wasUp ? "lost" : "cannot reach";
    this.#log.warn({ reason }, `${isRefusal ? "cannot use" : lost} TCP server ${this.#server}`);
  }
}

/** The code says more than "connect failed" does. */
function withCode({ message, cause }: RpcError): string {
  const code = cause instanceof Error && "code" in cause ? `${cause.code}` : "";
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
