/**
 * Below the ephemeral ports of Linux (from 32,768 on), so that a restarted server finds its port
 * free. The bus of a Redis Cluster uses the ports 10,000 below.
 */
const FIRST_PORT = 22_768;
const LAST_PORT = 32_767;
const ATTEMPTS = 100;

/** A port that was free a moment ago, for a server that starts more than once. */
export function freePort(): number {
  for (let attempt = 1; ; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
