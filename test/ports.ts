import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Below the ephemeral ports of Linux (from 32,768 on), so that a restarted server finds its port
 * free. The bus of a Redis Cluster uses the ports 10,000 below.
 */
const FIRST_PORT = 22_768;
const LAST_PORT = 32_767;
const ATTEMPTS = 100;

/** Has a file for each port that a test has taken: several test files run at once. */
const TAKEN = join(tmpdir(), "portico-ports");
/** No test takes the port again for this long. */
const KEPT_MS = 15 * 60_000;

/** A port that is free, and that no other test gets, for a server that starts later. */
export function freePort(): number {
  mkdirSync(TAKEN, { recursive: true });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (take(port) && isFree(port)) return port;
  }
  throw new Error(`Cannot find a free port in ${ATTEMPTS} tries`);
}

function take(port: number): boolean {
  const file = join(TAKEN, `${port}`);
  try {
    writeFileSync(file, "", { flag: "wx" });
    return true;
  } catch {
    const isOld = Date.now() - statSync(file).mtimeMs > KEPT_MS;
    if (isOld) utimesSync(file, new Date(), new Date());
    return isOld;
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
