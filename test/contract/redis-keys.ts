import { Redis } from "ioredis";

/** The keys behind a stack, past all of its code. */
export interface OpenRedis extends AsyncDisposable {
  readonly keys: Redis;
}

export async function openRedis(url: string): Promise<OpenRedis> {
  const keys = new Redis(url);
  return { keys, [Symbol.asyncDispose]: async () => keys.disconnect() };
}
