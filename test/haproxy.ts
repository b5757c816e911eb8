// A real HAProxy in front of servers, with the settings of deploy/haproxy.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import {
  type ProxyOptions,
  type Replacement,
  type RunningProxy,
  settingsOf,
  whenRunning,
} from "./proxy-settings.ts";

const HAPROXY = programPath(PROGRAMS.haproxy);

/** Whether HAProxy is installed. */
export const available = HAPROXY !== undefined;

/** Start HAProxy in front of two servers. It needs a certificate. */
export async function startHaproxy(
  [one, other]: readonly [string, string],
  { port = freePort(), redirectPort = freePort(), certificate, isUnlimited }: ProxyOptions,
): Promise<RunningProxy> {
  if (!certificate) throw new Error("HAProxy has no certificate");
  const folder = await mkdtemp(join(tmpdir(), "portico-haproxy-"));
  const pem = join(folder, "both.pem");
  const parts = [certificate.cert, certificate.key].map((path) => Bun.file(path).text());
  await Bun.write(pem, (await Promise.all(parts)).join("\n"));
  const replacements: Replacement[] = [
    ["  maxconn 20000 ", "  maxconn 1000 "],
    ["  user haproxy\n  group haproxy\n", ""],
    ["bind :80\n", `bind 127.0.0.1:${redirectPort}\n`],
    ["bind :443 ", `bind 127.0.0.1:${port} `],
    ["/etc/ssl/accounts.example.com.pem", pem],
    ...(isUnlimited
      ? ([
          ["reject if { sc0_conn_cur gt 64 }", "reject if { sc0_conn_cur gt 10000 }"],
          ["if { sc0_http_req_rate gt 500 }", "if { sc0_http_req_rate gt 1000000 }"],
        ] as const)
      : []),
  ];
  const config = join(folder, "haproxy.cfg");
  await Bun.write(config, await settingsOf("haproxy/haproxy.cfg", replacements));
  const haproxy = Bun.spawn([HAPROXY ?? "haproxy", "-q", "-db", "-f", config], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PORTICO_A: new URL(one).host, PORTICO_B: new URL(other).host, PORTICO_LOG: "stdout" },
  });
  const url = `https://127.0.0.1:${port}`;
  return whenRunning("HAProxy", haproxy, url, folder);
}
