// The settings of a proxy in `deploy/`, with the ports, addresses and files of a test.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Certificate } from "./certificates.ts";
import { ROOT } from "./child.ts";
import { eventually } from "./storage-pairs.ts";

export interface ProxyOptions {
  /** Without one, a free port is taken. */
  readonly port?: number;
  /** Without one, the proxy speaks plain HTTP. */
  readonly certificate?: Certificate;
  /** Where it redirects plain HTTP to https. Default: a free port. */
  readonly redirectPort?: number;
  /** Without its limits of one address: a test has only one. */
  readonly isUnlimited?: boolean;
}

export interface RunningProxy extends AsyncDisposable {
  readonly url: string;
}

/** [what stands in the file, what a test needs instead] */
export type Replacement = readonly [was: string, is: string];

/** @throws {Error} the file has no such text: the test would try other settings */
export async function settingsOf(
  file: string,
  replacements: readonly Replacement[],
): Promise<string> {
  let text = await Bun.file(join(ROOT, "deploy", file)).text();
  for (const [was, is] of replacements) {
    if (!text.includes(was)) throw new Error(`deploy/${file} does not have "${was}"`);
    text = text.replaceAll(was, is);
  }
  return text;
}

/** Wait until a proxy answers. Its folder goes with it. */
export async function whenRunning(
  name: string,
  proxy: Bun.Subprocess,
  url: string,
  folder: string,
): Promise<RunningProxy> {
  await eventually(`${name} answers`, () =>
    fetch(`${url}/signIn.html`, { tls: { rejectUnauthorized: false }, keepalive: false }).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    url,
    async [Symbol.asyncDispose]() {
      proxy.kill("SIGTERM");
      await proxy.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
