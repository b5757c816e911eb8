import { X509Certificate } from "node:crypto";
import type { Log } from "../rpc/log.ts";

const DAY_MS = 24 * 60 * 60_000;
/** How long before its end a certificate is warned of. */
const WARNED_DAYS = 14;

/** Knows when the certificate of a tier expires, and warns once a day from 14 days before. */
export class CertificateExpiry implements Disposable {
  readonly #log: Log;
  readonly #timer: Timer;
  #expiresAtMs: number | undefined;

  /** @param pem the certificate and its chain; undefined without TLS */
  constructor(pem: string | undefined, log: Log, everyMs = DAY_MS) {
    this.#log = log;
    this.renew(pem);
    this.#timer = setInterval(() => this.#warn(), everyMs).unref();
  }

  /** In Unix time; undefined without TLS. */
  get expiresAtMs(): number | undefined {
    return this.#expiresAtMs;
  }

  /** The certificate in use has changed, or was read again. */
  renew(pem: string | undefined): void {
    this.#expiresAtMs =
      pem === undefined ? undefined : new X509Certificate(pem).validToDate.getTime();
    this.#warn();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #warn(): void {
    if (this.#expiresAtMs === undefined) return;
    const leftMs = this.#expiresAtMs - Date.now();
    if (leftMs > WARNED_DAYS * DAY_MS) return;
    const expiresAt = new Date(this.#expiresAtMs).toISOString();
    if (leftMs > 0) this.#log.warn({ expiresAt }, "the certificate of RPC_TLS_CERT expires soon");
    else
      this.#log.error(
        { expiresAt },
        "the certificate of RPC_TLS_CERT has expired: no client can open a connection",
      );
  }
}
