// The settings of a proxy in `deploy/`, with the ports, addresses and files of a test.

import { join } from "node:path";
import type { Certificate } from "./certificates.ts";
import { ROOT } from "./child.ts";

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
