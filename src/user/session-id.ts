import { randomUUID } from "node:crypto";
import { v3 } from "uuid";

/**
 * A fresh session id: a UUID version 3 (RFC 9562 §5.3) of the username in a random namespace. All
 * that cannot be guessed about it is the namespace, which is never stored: 122 bits of the
 * cryptographic source.
 */
export function newSessionId(username: string): string {
  return v3(username, randomUUID());
}
