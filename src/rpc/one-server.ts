import type { Address } from "./address.ts";
import type { RpcError } from "./error.ts";
import type { Caller } from "./method.ts";

/** One server of several, for a call that must reach exactly this one. */
export interface OneServer {
  readonly address: Address;
  readonly caller: Caller;
  /** Why the server is lost; undefined if it is not. */
  lost(): RpcError | undefined;
}
