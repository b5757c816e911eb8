// A real nginx in front of a server, with the settings of docs/deploy.md.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Certificate } from "./certificates.ts";
import { ROOT } from "./child.ts";
import { freePort } from "./ports.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { eventually } from "./storage-pairs.ts";

const NGINX = programPath(PROGRAMS.nginx);
const LANGUAGE_END = "\n```";

/** Whether nginx is installed. */
export const available = NGINX !== undefined;

export interface NginxOptions {
  /** Without one, a free port is taken. */
  readonly port?: number;
  /** Without one, nginx speaks plain HTTP. */
  readonly certificate?: Certificate;
}

/** The settings of docs/deploy.md, on another port and with another certificate, or without TLS. */
async function settings(
  upstream: string,
  port: number,
  certificate: Certificate | undefined,
): Promise<string> {
  const guide = await Bun.file(join(ROOT, "docs/deploy.md")).text();
  const [, block = ""] = guide.split("```nginx\n");
  const moved = block
    .slice(0, block.indexOf(LANGUAGE_END))
    .replace("127.0.0.1:9090", new URL(upstream).host);
  const listen = `listen 127.0.0.1:${port}`;
  if (!certificate) {
    return moved
      .replace("listen 443 ssl http2;", `${listen};`)
      .replace(/^ *ssl_certificate.*\n/gm, "");
  }
  return moved
    .replace("listen 443", listen)
    .replace("/etc/ssl/accounts.example.com.pem", certificate.cert)
    .replace("/etc/ssl/accounts.example.com.key", certificate.key);
}

/** Start nginx in front of `upstream`, a URL. */
export async function startNginx(
  upstream: string,
  { port = freePort(), certificate }: NginxOptions = {},
): Promise<AsyncDisposable & { url: string }> {
  const folder = await mkdtemp(join(tmpdir(), "portico-nginx-"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${folder}/${name};`);
  const server = await settings(upstream, port, certificate);
  const config = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http { access_log off; ${paths.join("\n")}\n${server} }`;
  await Bun.write(join(folder, "nginx.conf"), config);
  const nginx = Bun.spawn([NGINX ?? "nginx", "-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `${certificate ? "https" : "http"}://127.0.0.1:${port}`;
  await eventually("nginx answers", () =>
    fetch(`${url}/signIn.html`, { tls: { rejectUnauthorized: false } }).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    url,
    async [Symbol.asyncDispose]() {
      nginx.kill("SIGTERM");
      await nginx.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
