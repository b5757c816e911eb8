import { isLoopback } from "./hosts.ts";
import type { HttpConfig } from "./http.ts";

/** What is unsafe, or unfair, about the way that browsers reach the HTTP tier. */
export function exposureWarnings({
  http: { host },
  publicUrl,
  trustedProxies,
}: Pick<HttpConfig, "http" | "publicUrl" | "trustedProxies">): string[] {
  if (trustedProxies !== undefined) return [];
  if (publicUrl.protocol === "https:") {
    return [
      "TRUSTED_PROXIES is not set, but PUBLIC_URL is https, so a proxy is in front: all browsers " +
        "count as one address, and too many failed sign-ins of one block the others",
    ];
  }
  if (isLoopback(host)) return [];
  return [
    `HTTP_HOST is ${host}, and PUBLIC_URL is not https: passwords and cookies cross the network ` +
      "unencrypted. Put a proxy with TLS in front, and set PUBLIC_URL and TRUSTED_PROXIES",
  ];
}
