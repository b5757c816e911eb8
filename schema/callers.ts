/**
 * The caller that a client is if it names none: the HTTP tier, and every client that has no token.
 */
export const DEFAULT_CALLER = "http";

/** The caller that administers. */
export const ADMIN = "admin";

/** The names that a caller can have. */
export const CALLER_NAME = /^[a-z][a-z0-9-]{0,31}$/;
