import { ERRORS } from "../../schema/errors.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { ExitCode, OutputError, UsageError } from "./usage.ts";

export interface Failure {
  readonly exitCode: number;
  /** For stderr. */
  readonly text: string;
}

/** What the command was doing when it failed. */
export interface Attempt {
  /** The argument that names the method, if it has been parsed. */
  readonly target: string | undefined;
  readonly requestId: string;
}

/** Explain a failure to the user; undefined if it is a bug of the command. */
export function explain(error: unknown, attempt: Attempt): Failure | undefined {
  if (error instanceof UsageError) {
    return { exitCode: ExitCode.misunderstood, text: error.message };
  }
  if (error instanceof OutputError) return { exitCode: ExitCode.failed, text: error.message };
  if (error instanceof DomainError) {
    const { code, message } = error;
    const detail = message === code ? "" : `: ${message}`;
    const text = `${ERRORS[code].code} ${code}${detail}`;
    const hint = code === "DataBaseError" ? `\n${seeLog(attempt)}` : "";
    return { exitCode: ExitCode.negative, text: text + hint };
  }
  if (!(error instanceof RpcError)) return undefined;
  const isMistake = error.status === "invalid_argument";
  const message = `${error.status}: ${withCauses(error)}`;
  return {
    exitCode: isMistake ? ExitCode.misunderstood : ExitCode.failed,
    text: [
      message,
      ...HINTS.filter(([pattern]) => pattern.test(message)).map(([, hint]) => hint(attempt)),
      ...(error.processed && !isMistake ? ["The method may have run on the server."] : []),
      ...(error.retryAfterMs === undefined ? [] : [`Try again in ${error.retryAfterMs} ms.`]),
    ].join("\n"),
  };
}

/** Advice for messages that match a pattern. */
const HINTS: readonly [RegExp, (attempt: Attempt) => string][] = [
  [
    /^invalid_argument/,
    ({ target }) => `\`bun run rpc ${target} --help\` shows the fields of a request.`,
  ],
  // The server logs why a handler failed, and does not tell its clients.
  [/^internal: \S+ failed$/, seeLog],
  [
    /stdin has not ended/,
    () => "Give the request as an argument, or end stdin. An empty request is '{}'.",
  ],
  [
    /connect failed/,
    () =>
      "Start a server with `bun run dev` or `bun run start:tcp`. If one is running elsewhere,\n" +
      "name it with --address HOST:PORT or RPC_ADDRESSES.",
  ],
  [
    /^permission_denied: The caller /,
    () =>
      "Call as a caller that may: with --caller admin, the token is that of RPC_TOKENS, or\n" +
      "the one that `bun run start` or `dev` saved in DATA_DIR for servers of this machine.",
  ],
  [
    /token of the caller "/,
    () =>
      "Set RPC_TOKENS (or --token) to the caller's token, as the server has it. If\n" +
      "`bun run start` or `dev` runs it without RPC_TOKENS, set DATA_DIR to the server's.",
  ],
  [/RPC_TOKEN is set here, but/, () => "Run it again without RPC_TOKEN and --token."],
  [
    /RPC_TOKEN(?! is set here)/,
    () =>
      "Set RPC_TOKEN (or --token) to the RPC_TOKEN of the server. If `bun run start` or `dev`\n" +
      "runs it without RPC_TOKEN, set DATA_DIR to the server's.",
  ],
  [
    /no HELLO in time|Cannot read frame|TLS handshake failed/,
    () =>
      "Is this the address of a TCP tier? If it uses TLS, set RPC_TLS_CA to the file of its\n" +
      "authority; otherwise unset RPC_TLS_CA.",
  ],
];

function seeLog({ requestId }: Attempt): string {
  return `The server's log says why: look for requestId ${requestId}.`;
}

/** The message of an error and of its causes. */
function withCauses(error: Error): string {
  const { message, cause } = error;
  const code = "code" in error && !message.includes(`${error.code}`) ? ` (${error.code})` : "";
  const causes =
    cause instanceof Error && !message.includes(cause.message) ? `: ${withCauses(cause)}` : "";
  return `${message}${code}${causes}`;
}
