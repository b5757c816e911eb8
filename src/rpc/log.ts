/** Writes one line: its fields, if any, and the event in a few words. */
interface Write {
  (fields: object, event: string): void;
  (event: string): void;
}

/** The logger of every part of Portico, in the shape of `pino`. It never throws and never waits. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  isLevelEnabled(level: "debug" | "info" | "warn" | "error"): boolean;
}
