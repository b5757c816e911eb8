import { createHmac, timingSafeEqual } from "node:crypto";
import { parseObject } from "./json.ts";

/** What both sides contributed to one handshake; a proof is good for these and no others. */
export interface Nonces {
  readonly client: string;
  readonly server: string;
}

/**
 * Proof that a side knows the token, without the token: HMAC-SHA256 (RFC 2104) over who speaks and
 * both nonces. Each side's own nonce keeps an old proof from being played back to it, and the role
 * keeps the server's proof from being played back as the client's.
 */
export function proofOf(token: string, role: "client" | "server", nonces: Nonces): string {
  return createHmac("sha256", token)
    .update(`portico ${role}\n${nonces.client}\n${nonces.server}`)
    .digest("hex");
}

/** Compared in constant time: how much of a guess is right must not show. */
export function isProof(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** What a PROOF frame holds, "" where that is no proof. */
export function parseProof(body: string): string {
  const proof = parseObject(body)?.proof;
  return typeof proof === "string" ? proof : "";
}
