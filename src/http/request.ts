import { RpcError } from "../rpc/error.ts";

/**
 * Nothing new is begun for a browser that has closed its connection.
 * @throws {RpcError} cancelled
 */
export function assertAwaited({ signal }: Request, step: string): void {
  if (!signal.aborted) return;
  throw new RpcError("cancelled", `Cannot begin ${step}: the browser is gone`, {
    processed: false,
  });
}
