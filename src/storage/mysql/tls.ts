import { readFileSync } from "node:fs";
import type { SslOptions } from "mysql2";

export interface MysqlTls {
  readonly ssl: SslOptions;
  /** Whether to connect without it to a server that has none. */
  readonly isOptional: boolean;
}

/**
 * How to encrypt, by what a DATABASE_URL that was checked says in MySQL's terms.
 *
 * Without `ssl-mode` it is PREFERRED, as with MySQL's own programs, or VERIFY_CA if there is an
 * `ssl-ca` to check against. The files are read for each connection, so they may be renewed.
 */
export function tlsOf({ search }: URL): MysqlTls | undefined {
  const parameters = new URLSearchParams(search.replaceAll("+", "%2B"));
  const fallback = parameters.has("ssl-ca") ? "VERIFY_CA" : "PREFERRED";
  const mode = (parameters.get("ssl-mode") ?? fallback).toUpperCase();
  if (mode === "DISABLED") return undefined;
  const read = (option: "ca" | "cert" | "key") => {
    const path = parameters.get(`ssl-${option}`);
    return path === null ? {} : { [option]: readFileSync(path, "utf8") };
  };
  const mustVerify = mode.startsWith("VERIFY_");
  return {
    ssl: {
      ...(mustVerify && read("ca")),
      ...read("cert"),
      ...read("key"),
      rejectUnauthorized: mustVerify,
      verifyIdentity: mode === "VERIFY_IDENTITY",
    },
    isOptional: mode === "PREFERRED",
  };
}
