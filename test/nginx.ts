// A real nginx in front of servers, with the settings of deploy/nginx.

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

const NGINX = programPath(PROGRAMS.nginx);
const CERTIFICATE = "/etc/ssl/accounts.example.com";

/** Whether nginx is installed. */
export const available = NGINX !== undefined;

function replacements(
  [one, other]: readonly string[],
  { port, redirectPort = freePort(), certificate, isUnlimited }: ProxyOptions,
): Replacement[] {
  const listen = `listen 127.0.0.1:${port}`;
  const second = (what: string) => [`  server 127.0.0.1:9190 ${what};\n`, ""] as const;
  return [
    ["127.0.0.1:9090", new URL(one ?? "").host],
    ...(other
      ? [["127.0.0.1:9190", new URL(other).host] as const]
      : [second("max_fails=1 fail_timeout=2s"), second("max_fails=0 backup")]),
    ["listen 80;", `listen 127.0.0.1:${redirectPort};`],
    ["listen 443 ssl http2;", certificate ? `${listen} ssl http2;` : `${listen};`],
    ...(certificate
      ? ([
          [`${CERTIFICATE}.pem`, certificate.cert],
          [`${CERTIFICATE}.key`, certificate.key],
        ] as const)
      : ([
          [`  ssl_certificate     ${CERTIFICATE}.pem;\n`, ""],
          [`  ssl_certificate_key ${CERTIFICATE}.key;\n`, ""],
        ] as const)),
    ...(isUnlimited
      ? ([
          ["limit_conn portico_connections 64;", ""],
          ["limit_req zone=portico_requests burst=200 nodelay;", ""],
        ] as const)
      : []),
  ];
}

/** Start nginx in front of one or two servers. */
export async function startNginx(
  upstreams: string | readonly string[],
  { port = freePort(), ...options }: ProxyOptions = {},
): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), "portico-nginx-"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${folder}/${name};`);
  const servers = replacements([upstreams].flat(), { port, ...options });
  const settings = await settingsOf("nginx/portico.conf", servers);
  const config = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
    worker_processes 2; events { worker_connections 1024; }
    http { access_log off; ${paths.join("\n")}\n${settings} }`;
  await Bun.write(join(folder, "nginx.conf"), config);
  const nginx = Bun.spawn([NGINX ?? "nginx", "-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `${options.certificate ? "https" : "http"}://127.0.0.1:${port}`;
  return whenRunning("nginx", nginx, url, folder);
}
