import { StorageError } from "../user/stores.ts";

/**
 * Run a call of a database driver.
 * @param action the purpose of the call, such as "read user"
 * @throws {StorageError} "Cannot <action>: <why>"; its cause is the driver's error
 */
export async function attempt<T>(action: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw storageError(action, cause);
  }
}

export function storageError(action: string, cause: unknown): StorageError {
  // ioredis adds the command to its errors, including session ids, and causes are logged.
  if (cause instanceof Error) Reflect.deleteProperty(cause, "command");
  return new StorageError(`Cannot ${action}: ${reasonOf(cause)}`, { cause });
}

/**
 * The message of an error, for the end of another message. If every address of a host refuses, the
 * error has no message, but only a code.
 */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === "MaxRetriesPerRequestError") return "no connection";
  return (cause.message || errorField(cause, "code") || cause.name).replace(/\.$/, "");
}

/** A string that a driver added to its error, such as `code` or `sqlState`. */
export function errorField(error: unknown, field: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : undefined;
}

/**
 * Settle as `work` does, or reject after `timeoutMs`.
 * @param onLate is called with a result that comes after the timeout, to release it
 */
export async function withTimeout<T>(
  timeoutMs: number,
  work: Promise<T>,
  onLate?: (value: T) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // The caller gets the timeout. An error that comes later is of no use.
      if (onLate) work.then(onLate, () => undefined);
      reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
