import { attempt, storageError } from "./attempt.ts";

export type DatabaseSystem = "mysql" | "redis" | "sqlite";

/**
 * Called when an operation of a database begins. The function that it returns is called once, when
 * the operation ends, with the driver's error or undefined. Neither may throw.
 * @param operation one of a few names, such as "read user" or "update nickname": as in errors
 */
export type ObserveOperation = (
  system: DatabaseSystem,
  operation: string,
) => ((error: unknown) => void) | undefined;

/**
 * `attempt` for the operations of one database: the hook sees each of them, with its tries and its
 * waits for a connection. A batch of look-ups is one operation. Without a hook, this costs nothing.
 */
export function observing(
  system: DatabaseSystem,
  observe: ObserveOperation | undefined,
): typeof attempt {
  if (!observe) return attempt;
  return async (action, call) => {
    const onEnd = observe(system, action);
    try {
      const result = await call();
      onEnd?.(undefined);
      return result;
    } catch (cause) {
      onEnd?.(cause);
      throw storageError(action, cause);
    }
  };
}

/** Carries what the callers of a batch have in common with its operation, such as their traces. */
export interface BatchContext {
  /** The context of a call that joins a batch. */
  current(): unknown;
  /** Carry out a batch in the contexts of the calls that have joined it, one for each. */
  run<T>(contexts: readonly unknown[], carryOut: () => T): T;
}

export interface ObserverOptions {
  readonly observe?: ObserveOperation | undefined;
  readonly batches?: BatchContext | undefined;
}
