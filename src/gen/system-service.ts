// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import { type CallContext, type DispatchTable, dispatchTable, entry } from "../rpc/method.ts";
import type { Description, Health, Nothing, Stats } from "./system-messages.ts";
import { DESCRIBE, HEALTH, STATS } from "./system-methods.ts";

/** What a server of System does. From `SystemContract` in schema/system.ts. */
export interface SystemService {
  /** Tell whether the server and its stores work, asking each store now. */
  health(request: Nothing, context: CallContext<never>): Promise<Health>;

  /** List the services of the server with their methods and JSON Schemas. */
  describe(request: Nothing, context: CallContext<never>): Promise<Description>;

  /** Count calls and errors and time each method, since the server's start. */
  stats(request: Nothing, context: CallContext<never>): Promise<Stats>;
}

/** What a Listener runs for each call of System. From `SystemContract` in schema/system.ts. */
export function systemDispatch(service: SystemService): DispatchTable {
  return dispatchTable(service, [
    entry(HEALTH, (request, context) => service.health(request, context)),
    entry(DESCRIBE, (request, context) => service.describe(request, context)),
    entry(STATS, (request, context) => service.stats(request, context)),
  ]);
}
