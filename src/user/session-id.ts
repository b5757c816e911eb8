import { v4 } from "uuid";

const UUID_BYTES = 16;
const HANDLE_DIGITS = 32;
/** The variant is the first two bits of its hexadecimal digit, so four digits are possible. */
const VARIANTS = "89ab";
const UTF8 = new TextEncoder();

/**
 * A new session id: a UUID version 3 of the username in a random namespace. Its secret is the
 * namespace: 122 bits from the cryptographic random source, which are never stored.
 */
export function newSessionId(username: string): string {
  return uuidV3(username, v4(undefined, new Uint8Array(UUID_BYTES)));
}

/**
 * The name of a session in lists and logs. It does not tell the id: 128 bits of its SHA-256, in
 * hexadecimal.
 */
export function sessionHandle(sessionId: string): string {
  return Bun.SHA256.hash(sessionId, "hex").slice(0, HANDLE_DIGITS);
}

/**
 * A UUID version 3 (RFC 9562 §5.3). Every sign-in makes one, and this costs less than the library's
 * function, which makes an object of node:crypto and twenty strings.
 */
export function uuidV3(name: string, namespace: Uint8Array): string {
  const bytes = UTF8.encode(name);
  const input = new Uint8Array(UUID_BYTES + bytes.length);
  input.set(namespace);
  input.set(bytes, UUID_BYTES);
  const hash = Bun.MD5.hash(input, "hex");
  const variant = VARIANTS.charAt(Number.parseInt(hash.charAt(16), 16) % VARIANTS.length);
  const third = `3${hash.slice(13, 16)}`;
  const fourth = variant + hash.slice(17, 20);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${third}-${fourth}-${hash.slice(20)}`;
}
