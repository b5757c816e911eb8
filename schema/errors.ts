/** One row of the error table: `code` and `status` are what an HTTP client sees. */
export interface ErrorRow {
  readonly code: string;
  readonly status: number;
  /** A sentence for people. */
  readonly meaning: string;
}

/**
 * The closed error table of the HTTP API. Nothing outside it is ever returned; where a code goes
 * with several HTTP statuses, `status` is the usual one.
 */
export const ERRORS = {
  ServerError: {
    code: "0",
    status: 500,
    meaning: "The server failed, is unreachable or overloaded, or ran out of time.",
  },
  DataBaseError: { code: "1", status: 503, meaning: "A database failed." },
  InvalidSessionError: {
    code: "2",
    status: 401,
    meaning: "There is no session, or it has expired.",
  },
  UserExistedError: { code: "3", status: 409, meaning: "The username is taken." },
  UserNotExistError: { code: "4", status: 404, meaning: "There is no such user." },
  PasswordError: { code: "5", status: 401, meaning: "The password is wrong." },
  InvalidParamsError: {
    code: "6",
    status: 400,
    meaning: "The request is not what the endpoint takes.",
  },
  success: { code: "7", status: 200, meaning: "It is done." },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** Every row's name, in the order of the codes. */
export const ERROR_NAMES: readonly ErrorName[] = Object.keys(ERRORS).filter(isErrorName);

function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(ERRORS, name);
}

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
  return isErrorName(name) && !NEVER_FROM_A_HANDLER.has(name);
}

/** Whether a method may declare it. */
export function isDeclaredErrorName(name: string): name is DeclaredErrorName {
  return isDomainErrorName(name) && name !== "DataBaseError";
}

const NEVER_FROM_A_HANDLER: ReadonlySet<string> = new Set<ErrorName>([
  "ServerError",
  "InvalidParamsError",
  "success",
]);
