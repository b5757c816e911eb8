/** One row of the error table: `code` and `status` are what an HTTP client sees. */
export interface ErrorRow {
  readonly code: string;
  readonly status: number;
}

/**
 * The closed error table of the HTTP API. Nothing outside it is ever returned; where a code goes
 * with several HTTP statuses, `status` is the usual one.
 */
export const ERRORS = {
  ServerError: { code: "0", status: 500 },
  DataBaseError: { code: "1", status: 503 },
  InvalidSessionError: { code: "2", status: 401 },
  UserExistedError: { code: "3", status: 409 },
  UserNotExistError: { code: "4", status: 404 },
  PasswordError: { code: "5", status: 401 },
  InvalidParamsError: { code: "6", status: 400 },
  success: { code: "7", status: 200 },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** The errors that a method declares: what the caller did or found, not what broke. */
export type DeclaredErrorName =
  | "InvalidSessionError"
  | "UserExistedError"
  | "UserNotExistError"
  | "PasswordError";

/** What a handler may throw: what its method declares, or that its storage failed. */
export type DomainErrorName = DeclaredErrorName | "DataBaseError";

/** Whether `name` is a row of the table that a handler can answer with. */
export function isDomainErrorName(name: string): name is DomainErrorName {
  return Object.hasOwn(ERRORS, name) && !NEVER_FROM_A_HANDLER.has(name);
}

const NEVER_FROM_A_HANDLER: ReadonlySet<string> = new Set<ErrorName>([
  "ServerError",
  "InvalidParamsError",
  "success",
]);
