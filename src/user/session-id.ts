import { v3, v4 } from "uuid";

const UUID_BYTES = 16;
const UTF8 = new TextEncoder();

/**
 * A fresh session id: a UUID version 3 (RFC 9562 §5.3) of the username in a random namespace. All
 * that cannot be guessed about it is the namespace, which is never stored: 122 bits of the
 * cryptographic source.
 */
export function newSessionId(username: string): string {
  // As bytes: what is text is parsed, and the namespace even twice.
  return v3(UTF8.encode(username), v4(undefined, new Uint8Array(UUID_BYTES)));
}
