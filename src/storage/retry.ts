import { attempt } from "./attempt.ts";
import type { Availability } from "./availability.ts";

const RETRY_MS = 1_000;

/**
 * Call `connect` once a second until it succeeds.
 * @throws {StorageError} `connect` failed, and waiting would not help
 */
export async function retryUntilAvailable<T>(
  availability: Availability,
  isTemporary: (cause: unknown) => boolean,
  connect: () => T | Promise<T>,
): Promise<T> {
  const action = `open ${availability.database}`;
  const connected = await retryWhile(availability, isTemporary, () => attempt(action, connect));
  availability.up();
  return connected;
}

/** Call a store once a second until it answers. @throws {StorageError} waiting would not help */
export async function retryWhile<T>(
  availability: Availability,
  isTemporary: (cause: unknown) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Error) || !isTemporary(error.cause)) throw error;
      availability.down(error.cause);
    }
    await Bun.sleep(RETRY_MS);
  }
}
