import { databaseUrls } from "../storage/mysql/host-urls.ts";
import { isLoopback } from "./hosts.ts";
import type { TcpConfig } from "./tcp.ts";

/**
 * What is unsafe about the way to the databases on other machines. No value is repeated: URLs hold
 * passwords.
 */
export function storeWarnings({
  databaseUrl,
  redisUrl,
}: Pick<TcpConfig, "databaseUrl" | "redisUrl">): string[] {
  const warnings: string[] = [];
  const remote = databaseUrl && databaseUrls(databaseUrl).find((url) => !isLocal(url));
  if (remote) {
    const { searchParams } = new URL(remote);
    const fallback = searchParams.has("ssl-ca") ? "VERIFY_CA" : "PREFERRED";
    const mode = (searchParams.get("ssl-mode") ?? fallback).toUpperCase();
    if (!mode.startsWith("VERIFY_")) {
      warnings.push(
        `DATABASE_URL is on another machine, and its ssl-mode is ${mode}: ` +
          "who controls the network can read and change what MySQL gets and sends. " +
          "Set ssl-mode=VERIFY_IDENTITY and ssl-ca",
      );
    }
  }
  if (redisUrl?.split(",").some((url) => url.startsWith("redis:") && !isLocal(url))) {
    warnings.push(
      "REDIS_URL is on another machine, and is not rediss://: sessions cross the network " +
        "unencrypted",
    );
  }
  return warnings;
}

function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, "$1"));
}
