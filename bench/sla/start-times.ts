import { join } from "node:path";
import { Child, Folder } from "../../test/child.ts";
import { freePort } from "../../test/ports.ts";
import { SIGN_IN } from "../peers/api.ts";

const POLL_MS = 2;
const TIMEOUT_MS = 30_000;

/** How both tiers are started. */
export interface Starter {
  /** As in `Child`. */
  readonly script: string;
  readonly program?: readonly string[];
}

const FOR_DEVELOPMENT: Starter = { script: "src/dev-main.ts" };

/** Milliseconds from the start of both tiers, embedded in an empty folder, to the first answer. */
export async function startTimes(tries: number, starter = FOR_DEVELOPMENT): Promise<number[]> {
  const times: number[] = [];
  for (let attempt = 0; attempt < tries; attempt++) times.push(await startTime(starter));
  return times;
}

async function startTime({ script, ...started }: Starter): Promise<number> {
  await using folder = await Folder.make();
  const httpPort = freePort();
  const beganAtMs = performance.now();
  await using _child = new Child(script, {
    ...started,
    environment: {
      STORAGE: "embedded",
      DATA_DIR: join(folder.path, "data"),
      HTTP_PORT: `${httpPort}`,
      RPC_PORT: `${freePort()}`,
    },
  });
  // An unknown user: the TCP tier has to look the name up to answer 404.
  const ask = () =>
    fetch(`http://127.0.0.1:${httpPort}${SIGN_IN}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "nobody", password: "nobody" }),
    });
  while (performance.now() - beganAtMs < TIMEOUT_MS) {
    const status = await ask().then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 404) return performance.now() - beganAtMs;
    await Bun.sleep(POLL_MS);
  }
  throw new Error("Cannot start Portico on its embedded default: it does not answer");
}
