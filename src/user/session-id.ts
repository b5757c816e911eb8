import { v4 } from "uuid";

const UUID_BYTES = 16;
/** What the first two bits of the variant leave of its hexadecimal digit. */
const VARIANTS = "89ab";
const UTF8 = new TextEncoder();

/**
 * A fresh session id: a UUID version 3 of the username in a random namespace. All that cannot be
 * guessed about it is the namespace, which is never stored: 122 bits of the cryptographic source.
 */
export function newSessionId(username: string): string {
  return uuidV3(username, v4(undefined, new Uint8Array(UUID_BYTES)));
}

/**
 * As RFC 9562 §5.3 has it. The library's own makes an object of node:crypto and twenty pieces of
 * text each time, and every sign-in makes an id.
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
