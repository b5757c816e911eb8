import { timingSafeEqual } from "node:crypto";

const NONCE_BYTES = 16;
const DEVICE_ID = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;
const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;

/** A secret for `Devices`, to be made once for all servers. */
export function newDeviceKey(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64(BASE64URL);
}

/**
 * Device ids: `nonce.HMAC(key, username, nonce)`. Whoever has one has once signed in to the account
 * of that name. It opens nothing; it only keeps strangers from using up the owner's attempts.
 */
export class Devices {
  readonly #key: string;

  /** @param key the same on all servers */
  constructor(key: string) {
    this.#key = key;
  }

  newId(username: string): string {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES)).toBase64(BASE64URL);
    return `${nonce}.${this.#mac(username, nonce)}`;
  }

  /** @returns what names the device among those of this user; undefined if the id is not valid */
  nonceOf(username: string, deviceId: string): string | undefined {
    const [, nonce, mac] = DEVICE_ID.exec(deviceId) ?? [];
    if (nonce === undefined || mac === undefined) return undefined;
    const isValid = timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac(username, nonce)));
    return isValid ? nonce : undefined;
  }

  /** @returns what names the device, by each id that is valid for this user */
  noncesOf(username: string, deviceIds: readonly string[]): string[] {
    return deviceIds
      .map((deviceId) => this.nonceOf(username, deviceId))
      .filter((nonce) => nonce !== undefined);
  }

  #mac(username: string, nonce: string): string {
    // The nonce has a fixed length, so no two pairs give the same text.
    return new Bun.CryptoHasher("sha256", this.#key).update(nonce + username).digest("base64url");
  }
}
