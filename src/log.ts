import pino from "pino";
import pretty from "pino-pretty";

/** What the parts of Portico log to: fields first, then the event in a few words. */
export type Log = Pick<pino.Logger, "debug" | "info" | "warn" | "error" | "isLevelEnabled">;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** One JSON line per event on stdout; on a terminal, one readable line. */
export function createLog(tier: string, level: LogLevel, isTerminal: boolean): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { tier },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  if (!isTerminal) return pino(options, pino.destination({ dest: 1, sync: true }));
  return pino(
    options,
    pretty({
      sync: true,
      colorize: true,
      ignore: "pid,hostname,tier",
      translateTime: "SYS:HH:MM:ss.l",
      messageFormat: `${tier}  {msg}`,
      singleLine: true,
    }),
  );
}
