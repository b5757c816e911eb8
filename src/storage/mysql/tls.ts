import { readFileSync } from "node:fs";
import type { SslOptions } from "mysql2";

export interface MysqlTls {
  readonly ssl: SslOptions;
  /** Whether to connect without TLS if the server has none. */
  readonly isOptional: boolean;
}

/**
 * The TLS options of a DATABASE_URL, whose parameters are MySQL's own and have been validated.
 *
 * The default of `ssl-mode` is PREFERRED, as in MySQL's own programs, or VERIFY_CA with an
 * `ssl-ca`. The files are read for each connection, so that they may be renewed.
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
