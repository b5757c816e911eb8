import pino from "pino";
import { prettyFactory } from "pino-pretty";
import type { Log } from "../rpc/log.ts";
import { Output } from "./output.ts";
import { brief, type Line, messageOf, Repeats } from "./repeats.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogCounts {
  /** Warnings and errors that the log was given, even if they were not written. */
  readonly warnings: number;
  readonly errors: number;
  /** Lines of these that became one line with a count. */
  readonly suppressed: number;
  /** Lines of any level that stdout did not take. */
  readonly dropped: number;
}

/** The log of a process. */
export interface ProcessLog extends Log {
  /** Since the start. */
  counts(): LogCounts;
  setLevel(level: LogLevel): void;
  /** Write the counts of repeated lines. Resolves when everything is written, or after a second. */
  end(): Promise<void>;
}

const { warn: WARN = 0, error: ERROR = 0 } = pino.levels.values;

/**
 * Log to stdout: one JSON line per event, or one readable line on a terminal. A call never throws
 * and never waits for the reader of stdout. A repeated warning or error becomes one line a second
 * with a count; at level debug, each one is also a debug line.
 * @param reworded called with each line
 */
export function createLog(
  tier: string,
  level: LogLevel,
  isTerminal: boolean,
  reworded: (line: string) => string = (line) => line,
): ProcessLog {
  const output = new Output(1, (dropped) => {
    everyLine.warn({ dropped }, "dropped log lines: stdout did not take them");
  });
  const pretty = isTerminal ? readable(tier) : undefined;
  const toText = (line: string) => (pretty ? pretty(reworded(line)) : reworded(line));
  const destination = { write: (line: string) => output.write(toText(line)) };
  const options: pino.LoggerOptions = {
    level,
    base: { tier },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
  };
  const everyLine = pino(options, destination);
  const write = ({ level, fields, event }: Line): void => {
    everyLine[level >= ERROR ? "error" : "warn"](fields, event);
  };
  const repeats = new Repeats(write);
  let [warnings, errors] = [0, 0];
  const logMethod: LogHook = (args, method, level) => {
    if (level < WARN) return method.apply(everyLine, args);
    if (level < ERROR) warnings++;
    else errors++;
    const line = lineOf(level, args);
    const now = repeats.take(line);
    if (now) return write(now);
    if (everyLine.isLevelEnabled("debug")) everyLine.debug(brief(line).fields, line.event);
  };
  const log = pino({ ...options, level: countingLevel(level), hooks: { logMethod } }, destination);
  return Object.assign(log, {
    counts() {
      return { warnings, errors, suppressed: repeats.suppressed, dropped: output.dropped };
    },
    setLevel(next: LogLevel) {
      everyLine.level = next;
      log.level = countingLevel(next);
    },
    infoJson(fields: string, event: string) {
      if (!everyLine.isLevelEnabled("info")) return;
      const start = `{"level":"info","time":"${isoTime()}","tier":"${tier}"`;
      output.write(toText(`${start},${fields},"msg":"${event}"}\n`));
    },
    async end() {
      repeats.flush();
      await output.end();
    },
  });
}

/** The hook must see warnings and errors to count them, even if they are not written. */
function countingLevel(level: LogLevel): LogLevel {
  return level === "error" || level === "silent" ? "warn" : level;
}

/** As pino does, but a message that ends with that of its cause does not get it again. */
function serializeError(error: Error): unknown {
  const serialized = pino.stdSerializers.err(error);
  return error instanceof Error ? { ...serialized, message: messageOf(error) } : serialized;
}

let timeMs = 0;
let timeText = "";

/** The time as in the other lines. Making its text costs more than the rest of a line. */
function isoTime(): string {
  const now = Date.now();
  if (now !== timeMs) {
    timeMs = now;
    timeText = new Date(now).toISOString();
  }
  return timeText;
}

type LogHook = NonNullable<NonNullable<pino.LoggerOptions["hooks"]>["logMethod"]>;

function lineOf(level: number, [first, second]: Parameters<LogHook>[0]): Line {
  if (typeof first === "string") return { level, fields: {}, event: first };
  return { level, fields: Object(first), event: String(second) };
}

/** Returns a function that makes a JSON line readable on a terminal. */
function readable(tier: string): (line: string) => string {
  const pretty = prettyFactory({
    colorize: true,
    ignore: "pid,hostname,tier",
    translateTime: "SYS:HH:MM:ss.l",
    messageFormat: `${tier}  {msg}`,
    singleLine: true,
  });
  return (line) => pretty(line) ?? "";
}
