import type { Variable } from "./variable.ts";

/** Variables of the HTTP tier for browsers and for the proxy in front. */
export const BROWSERS = {
  PUBLIC_URL: {
    default: "`http://HTTP_HOST:HTTP_PORT`",
    meaning:
      "address that browsers use: if set, only its origin may change anything; https makes " +
      "the cookie `Secure`",
    readBy: ["http"],
    isNeverEmpty: true,
  },
  TRUSTED_PROXIES: {
    default: "none",
    meaning:
      "proxies whose `X-Forwarded-For` names the browser: addresses and CIDR blocks, separated " +
      "by commas; or `loopback`, `private` ([more](deploy.md#the-address-of-the-browser))",
    readBy: ["http"],
    kind: "list",
  },
  COOKIE_HOST_PREFIX: {
    default: "none",
    meaning:
      "`on` names the session cookie `__Host-sessionID`, which no other host of the domain can " +
      "set, and that of the device `__Secure-deviceID`; needs an https `PUBLIC_URL`",
    readBy: ["http"],
    kind: "on",
  },
  HTTP_KEEP_ALIVE_SECONDS: {
    default: "30",
    meaning:
      "how long a connection without a request stays open, from 10 to 255; a proxy must close " +
      "its own connections sooner ([more](deploy.md#a-proxy-in-front))",
    readBy: ["http"],
  },
  DOCS: {
    default: "none",
    meaning: "`off` removes `/docs` and `/openapi.json`",
    readBy: ["http"],
    kind: "off",
  },
} as const satisfies Record<string, Variable>;
