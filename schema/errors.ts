/** One row of the error table. An HTTP client sees `code` and `status`. */
export interface ErrorRow {
  readonly code: string;
  readonly status: number;
  /** One sentence for people. */
  readonly meaning: string;
}

/**
 * The closed error table of the HTTP API: every answer is one of its rows. `status` is the usual
 * HTTP status of a row. "0" and "6" have others too: `failure()` in `src/http/reply.ts` chooses.
 */
export const ERRORS = {
  ServerError: {
    code: "0",
    status: 500,
    meaning:
      "The server failed, is unreachable or overloaded, ran out of time, or limits the rate.",
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

/** The names of the rows, in the order of the codes. */
export const ERROR_NAMES: readonly ErrorName[] = Object.keys(ERRORS).filter(isErrorName);

function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(ERRORS, name);
}

/**
 * The errors that a method can declare. Their cause is in the request or the stored data: nothing
 * failed.
 */
export const DECLARED_ERRORS = [
  "InvalidSessionError",
  "UserExistedError",
  "UserNotExistError",
  "PasswordError",
] as const satisfies ErrorName[];

export type DeclaredErrorName = (typeof DECLARED_ERRORS)[number];

/**
 * A handler may throw an error that its method declares, or DataBaseError if its storage failed.
 */
export type DomainErrorName = DeclaredErrorName | "DataBaseError";

const DOMAIN_ERRORS: ReadonlySet<string> = new Set([...DECLARED_ERRORS, "DataBaseError"]);

/** Whether a handler can answer with the error of this name. */
export function isDomainErrorName(name: string): name is DomainErrorName {
  return DOMAIN_ERRORS.has(name);
}

/** Whether a method may declare the error of this name. */
export function isDeclaredErrorName(name: string): name is DeclaredErrorName {
  return isDomainErrorName(name) && name !== "DataBaseError";
}
