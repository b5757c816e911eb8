import { StorageError } from "../user/stores.ts";

/**
 * Run a driver's call.
 * @param action what the call is for, as in "read user"
 * @throws StorageError "Cannot <action>: <why>", with what the driver threw as its cause
 */
export async function attempt<T>(action: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw storageError(action, cause);
  }
}

export function storageError(action: string, cause: unknown): StorageError {
  // ioredis hangs the command on its errors, session id and all, and causes are logged.
  if (cause instanceof Error) Reflect.deleteProperty(cause, "command");
  return new StorageError(`Cannot ${action}: ${reason(cause)}`, { cause });
}

/** Several refused addresses of one host come as an error without a message, only a code. */
function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return (cause.message || errorField(cause, "code") || cause.name).replace(/\.$/, "");
}

/** A string that a driver added to its error, such as `code` or `sqlState`. */
export function errorField(error: unknown, field: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : undefined;
}

/**
 * Settle as `work` does, or reject when `timeoutMs` have passed without it.
 * @param onLate gets what `work` resolves to after that, to give it back
 */
export async function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  onLate?: (value: T) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // The caller hears of the timeout; why the work failed after it is of no use to anyone.
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
