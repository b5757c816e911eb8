import { type Browser, chromium } from "playwright-core";
import { PROGRAMS, programPath } from "./programs.ts";

const executablePath = programPath(PROGRAMS.chromium);

/** Whether there is a Chromium on this machine. */
export const available = executablePath !== undefined;

/** Start the machine's own Chromium, headless; it ends with `await using`. */
export function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error("Cannot find Chromium on the PATH");
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      // The tests talk to this machine alone, and the browser to nobody on its own account.
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
