/** Writes one line: fields first, if there are any, then the event in a few words. */
interface Write {
  (fields: object, event: string): void;
  (event: string): void;
}

/** What the parts of Portico log to, as a `pino` logger. It never throws and never waits. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  isLevelEnabled(level: "debug" | "info" | "warn" | "error"): boolean;
}
