/** What a traced call or request runs in. What it begins there belongs to the trace. */
export interface Scope {
  readonly traceId: string;
  run<T>(work: () => T): T;
}
