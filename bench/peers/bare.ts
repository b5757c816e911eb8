import { join } from "node:path";
import { BARE } from "../report/results.ts";
import type { Peer } from "./peer.ts";

/** Bun.serve that checks, calls and stores nothing: the ceiling of every service on Bun. */
export const barePeer: Peer = {
  name: BARE,
  isService: false,

  async prepare() {
    return undefined;
  },

  tiers: ({ httpPort }) => [
    {
      name: "HTTP",
      command: [process.execPath, join(import.meta.dir, "bare-main.ts")],
      environment: { NODE_ENV: "production", HTTP_PORT: `${httpPort}` },
    },
  ],
};
