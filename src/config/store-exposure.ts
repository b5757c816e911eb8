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
  const isPlain = /^redis(-sentinel)?:/.test(redisUrl ?? "");
  if (redisUrl && isPlain && !redisUrl.split(",").every(isLocalPart)) {
    const encrypted = redisUrl.startsWith("redis-sentinel") ? "rediss-sentinel://" : "rediss://";
    warnings.push(
      `REDIS_URL is on another machine, and is not ${encrypted}: sessions cross the network ` +
        "unencrypted",
    );
  }
  return warnings;
}

/** @param part a URL, or one of several hosts with what follows the last of them */
function isLocalPart(part: string): boolean {
  return isLocal(part.includes("://") ? part : `redis://${part}`);
}

function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, "$1"));
}
