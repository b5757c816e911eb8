import { status } from "@grpc/grpc-js";

/**
 * @typedef {object} ErrorRow
 * @property {string} code of the JSON envelope
 * @property {number} http
 * @property {number} grpc
 */

/** The error table. Between the tiers a failure is its gRPC status, with the name as details. */
export const ERRORS = {
  ServerError: { code: "0", http: 500, grpc: status.INTERNAL },
  DataBaseError: { code: "1", http: 503, grpc: status.UNAVAILABLE },
  InvalidSessionError: { code: "2", http: 401, grpc: status.UNAUTHENTICATED },
  UserExistedError: { code: "3", http: 409, grpc: status.ALREADY_EXISTS },
  UserNotExistError: { code: "4", http: 404, grpc: status.NOT_FOUND },
  PasswordError: { code: "5", http: 401, grpc: status.PERMISSION_DENIED },
  InvalidParamsError: { code: "6", http: 400, grpc: status.INVALID_ARGUMENT },
};

/** @typedef {keyof typeof ERRORS} ErrorName */

/**
 * @param {string} name
 * @returns {name is ErrorName}
 */
export function isErrorName(name) {
  return Object.hasOwn(ERRORS, name);
}

/** An expected failure of a use case. */
export class DomainError extends Error {
  /**
   * @param {ErrorName} code
   * @param {unknown} [cause]
   */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}
