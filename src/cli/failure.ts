import { ERRORS } from "../../schema/errors.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { OutputError } from "./output.ts";
import { UsageError } from "./usage.ts";

/** How the command ends, for scripts; 0 is for an answer. */
export const ExitCode = {
  /** With an error of the table in schema/errors.ts, or with a part of the server down. */
  error: 1,
  /** Arguments or request are wrong, as this side or the server sees it. */
  misunderstood: 2,
  /** Also where there was an answer, and it could not be written. */
  unanswered: 3,
} as const;

export interface Failure {
  readonly exitCode: number;
  /** For stderr. */
  readonly text: string;
}

/** What the command was about when it failed. */
export interface Attempt {
  /** The name that was called, once that is known. */
  readonly target: string | undefined;
  readonly requestId: string;
}

/** What a failure means to whoever typed the command; undefined for one of the command itself. */
export function explain(error: unknown, attempt: Attempt): Failure | undefined {
  if (error instanceof UsageError) {
    return { exitCode: ExitCode.misunderstood, text: error.message };
  }
  if (error instanceof OutputError) return { exitCode: ExitCode.unanswered, text: error.message };
  if (error instanceof DomainError) {
    const { code, message } = error;
    const detail = message === code ? "" : `: ${message}`;
    const text = `${ERRORS[code].code} ${code}${detail}`;
    const hint = code === "DataBaseError" ? `\n${seeLog(attempt)}` : "";
    return { exitCode: ExitCode.error, text: text + hint };
  }
  if (!(error instanceof RpcError)) return undefined;
  const isMistake = error.status === "invalid_argument";
  const message = `${error.status}: ${withCauses(error)}`;
  return {
    exitCode: isMistake ? ExitCode.misunderstood : ExitCode.unanswered,
    text: [
      message,
      ...HINTS.filter(([pattern]) => pattern.test(message)).map(([, hint]) => hint(attempt)),
      ...(error.processed && !isMistake ? ["It may have run on the server all the same."] : []),
      ...(error.retryAfterMs === undefined ? [] : [`Try again in ${error.retryAfterMs} ms.`]),
    ].join("\n"),
  };
}

/** What to do where a message says this. */
const HINTS: readonly [RegExp, (attempt: Attempt) => string][] = [
  [
    /^invalid_argument/,
    ({ target }) => `\`bun run rpc ${target} --help\` shows the fields of a request.`,
  ],
  // What broke in a handler is told to nobody else.
  [/^internal: \S+ failed$/, seeLog],
  [/stdin has not ended/, () => "Give the request as an argument; '{}' is an empty one."],
  [
    /connect failed/,
    () =>
      "Start a server with `bun run dev` or `bun run start:tcp`, or name one that runs with\n" +
      "--address HOST:PORT or the variable RPC_ADDRESSES.",
  ],
  [
    /RPC_TOKEN/,
    () =>
      "Set RPC_TOKEN (or --token) to the secret of the servers. If `bun run start` or `dev`\n" +
      "made it, set DATA_DIR to theirs.",
  ],
  [
    /no HELLO in time|Cannot read frame|TLS handshake failed/,
    () =>
      "Is it the port of a TCP tier? One with TLS needs RPC_TLS_CA, one without needs it unset.",
  ],
];

function seeLog({ requestId }: Attempt): string {
  return `The server's log says why, at the requestId ${requestId}.`;
}

/** The message of an error with those of its causes. */
function withCauses(error: Error): string {
  const { message, cause } = error;
  const code = "code" in error && !message.includes(`${error.code}`) ? ` (${error.code})` : "";
  const causes =
    cause instanceof Error && !message.includes(cause.message) ? `: ${withCauses(cause)}` : "";
  return `${message}${code}${causes}`;
}
