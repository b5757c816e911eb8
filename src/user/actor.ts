import type { Client } from "../gen/user.ts";
import type { Call } from "./call.ts";

/** Who calls, as an audit line shows it. */
export interface Actor {
  readonly address: string;
  readonly device: string | undefined;
  readonly caller: string;
  readonly requestId: string;
}

/** The browser of a call. A caller that names none counts as the browser itself. */
export function actorOf(client: Client | undefined, call: Call): Actor {
  const { caller, requestId } = call;
  const { address, userAgent: device } = client ?? { address: call.peer };
  return { address, device, caller, requestId };
}
