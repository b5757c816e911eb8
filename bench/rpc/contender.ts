/** One RPC library. All are measured by the same loop. */
export interface Contender {
  /** Serve `getUserInfo` on a free port of loopback. It replies PROFILE at once. */
  serve(): Promise<{ readonly port: number }>;
  connect(port: number): Promise<Client>;
}

/** Calls `getUserInfo` once; resolves to the username of the reply. */
export type Client = () => Promise<string>;

export const HOST = "127.0.0.1";
export const SESSION_ID = "0b1f4d6e-7a52-3c1e-9f60-2d1a8c5b7e43";
export const TIMEOUT_MS = 5000;
/** Sent with each call, for the logs of both sides. */
export const REQUEST_ID = "smCPpl2ISnKcg9EOWmcvvA-12345";

/** 90 bytes as JSON. */
export const PROFILE = {
  username: "grace.hopper",
  nickname: "Amazing",
  profilePath: "5d0c2f6e-3b1a-4c8e-9b7d-1f2e3d4c5b6a.webp",
} as const;
