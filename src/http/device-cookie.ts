import { MAX_DEVICE_IDS } from "../../schema/account.ts";

const NAME = "deviceID";
/** Longer than any that a sign-in gives. */
const MAX_CHARACTERS = 200;
/** Browsers take such a cookie only by https (RFC 6265bis §4.1.3). `__Host-` needs `Path=/`. */
const SECURE_PREFIX = "__Secure-";
const MAX_AGE_SECONDS = 180 * 24 * 60 * 60;

/**
 * The cookie by which a sign-in knows a browser again. The browser sends it only to the path of the
 * sign-in. Whether its value is genuine, the TCP tier decides.
 */
export class DeviceCookie {
  readonly #name: string;
  readonly #cookies: RegExp;
  readonly #attributes: string;

  /** @param hasPrefix Use the name with the prefix, and read no other. */
  constructor(publicUrl: URL, hasPrefix = false) {
    this.#name = hasPrefix ? SECURE_PREFIX + NAME : NAME;
    this.#cookies = new RegExp(
      `(?:^|;)[ \\t]*${this.#name}=([A-Za-z0-9._~-]{1,${MAX_CHARACTERS}})[ \\t]*(?=;|$)`,
      "g",
    );
    const secure = publicUrl.protocol === "https:" ? "; Secure" : "";
    this.#attributes = `Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax${secure}`;
  }

  /**
   * The value of Set-Cookie that makes a browser known.
   * @param path of the sign-in
   */
  set(deviceId: string, path: string): string {
    return `${this.#name}=${deviceId}; Path=${path}; ${this.#attributes}`;
  }

  /**
   * All well-formed values of a request, first to last; undefined if it has none. Another host of
   * the domain may have set one more.
   */
  readAll(request: Request): string[] | undefined {
    const header = request.headers.get("Cookie");
    // Most sign-ins send no cookie.
    if (header === null) return undefined;
    const deviceIds: string[] = [];
    for (const [, deviceId = ""] of header.matchAll(this.#cookies)) {
      if (deviceIds.length < MAX_DEVICE_IDS && !deviceIds.includes(deviceId)) {
        deviceIds.push(deviceId);
      }
    }
    return deviceIds.length > 0 ? deviceIds : undefined;
  }
}
