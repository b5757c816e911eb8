import type { StoredSession } from "../../user/stores.ts";

// An entry of the index of a user's sessions is one string with five lines. The first line is the
// session id, by which scripts find the entry. Only the last part, the device, may have line
// breaks.

export function entryOf(session: StoredSession): string {
  const { sessionId, createdAtMs, expiresAtMs, address, device } = session;
  return [sessionId, createdAtMs, expiresAtMs, address, device].join("\n");
}

export function parseEntry(entry: string): StoredSession {
  const [sessionId = "", createdAt, expiresAt, address = "", ...device] = entry.split("\n");
  const [createdAtMs, expiresAtMs] = [Number(createdAt), Number(expiresAt)];
  return { sessionId, createdAtMs, expiresAtMs, address, device: device.join("\n") };
}

/**
 * The sessions of some entries, newest first. If ioredis has sent a command again, an entry may be
 * there twice.
 * @param entries in the order in which the sessions began
 */
export function sessionsOf(entries: readonly string[]): StoredSession[] {
  return [...new Set(entries)]
    .map(parseEntry)
    .reverse()
    .sort((one, other) => other.createdAtMs - one.createdAtMs);
}
