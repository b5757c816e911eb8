import { RpcError } from "../rpc/error.ts";
import type { CallContext } from "../rpc/method.ts";

/** The context of a call, without the errors that its method declares. */
export type Call = CallContext<never>;

/** The part of a call that says when to stop working for it. */
export type Cancellable = Pick<Call, "deadline" | "signal" | "step">;

/**
 * Call this before a step that is costly or changes data: the caller of an ended call already has
 * an error.
 * @throws {RpcError} the deadline has passed, or the call was cancelled
 */
export function throwIfCancelled(call: Pick<Call, "deadline" | "isOver">, step: string): void {
  // The deadline comes first: a call that it ended is aborted, too.
  if (performance.now() >= call.deadline) {
    const message = `Cannot begin ${step}: the deadline has passed`;
    throw new RpcError("deadline_exceeded", message, { processed: false });
  }
  if (call.isOver) {
    const message = `Cannot begin ${step}: the call was cancelled`;
    throw new RpcError("cancelled", message, { processed: false });
  }
}
