import type { ProcessLog } from "./log.ts";
import { textOfTier } from "./metrics/tier-metrics.ts";
import { OperatorServer } from "./operator-server.ts";

interface Status {
  readiness(): Promise<readonly string[]>;
  metrics(): Promise<unknown>;
}

/** Serve probes and metrics of a tier that runs alone. */
export function operatorOfTier(
  address: { readonly host: string; readonly port: number },
  status: Status,
  log: ProcessLog,
): OperatorServer {
  const readiness = () => status.readiness();
  const metrics = () => textOfTier(status);
  return new OperatorServer({ ...address, readiness, metrics, log });
}
