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
  /**
   * Write a line at info whose fields are JSON text already, such as `"ms":1`, for lines that are
   * too frequent to be made from objects. Absent if the logger has no faster way than `info`.
   */
  infoJson?(fields: string, event: string): void;
  isLevelEnabled(level: "debug" | "info" | "warn" | "error"): boolean;
}
