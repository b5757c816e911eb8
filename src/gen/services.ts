// @generated from schema/ by `bun run codegen`. Edit the schema, not this file.
import type { DispatchTable } from "../rpc/method.ts";
import { type AdminService, adminDispatch } from "./admin.ts";
import { type SystemService, systemDispatch } from "./system.ts";
import { type UserService, userDispatch } from "./user.ts";

/** What a server serves. From every contract in schema/. */
export interface Services {
  readonly user: UserService;
  readonly admin: AdminService;
  readonly system: SystemService;
}

/** What a Listener dispatches by. From every contract in schema/. */
export function dispatchTables(services: Services): readonly DispatchTable[] {
  return [
    userDispatch(services.user),
    adminDispatch(services.admin),
    systemDispatch(services.system),
  ];
}
