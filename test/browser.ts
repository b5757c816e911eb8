import { type Browser, chromium } from "playwright-core";
import { PROGRAMS, programPath } from "./programs.ts";

const executablePath = programPath(PROGRAMS.chromium);

/** Whether Chromium is installed. */
export const available = executablePath !== undefined;

/**
 * Start the installed Chromium, headless.
 * @param more command-line options
 */
export function openBrowser(more: readonly string[] = []): Promise<Browser> {
  if (executablePath === undefined) throw new Error("Cannot find Chromium on the PATH");
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      // The tests use local addresses only, and the browser makes no requests of its own.
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });
}
