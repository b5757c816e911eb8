import type { UserService } from "../gen/user-service.ts";
import { RpcError } from "../rpc/error.ts";

/** What every handler knows of its call; not which errors that may end with. */
export type Call = Omit<Parameters<UserService["signIn"]>[1], "error">;

/** What of a call says whether somebody still waits for its answer. */
export type Awaited = Pick<Call, "deadline" | "signal">;

/**
 * What is costly or changes something is not begun for a caller that has been told already that
 * its call failed.
 * @throws {RpcError} its deadline has passed, or it was cancelled
 */
export function assertAwaited(call: Pick<Call, "deadline" | "isOver">, step: string): void {
  // The deadline first: a call that it has ended is aborted, too.
  if (performance.now() >= call.deadline) {
    const message = `Cannot begin ${step}: the deadline has passed`;
    throw new RpcError("deadline_exceeded", message, { processed: false });
  }
  if (call.isOver) {
    const message = `Cannot begin ${step}: the call was cancelled`;
    throw new RpcError("cancelled", message, { processed: false });
  }
}
