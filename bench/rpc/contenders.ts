import { bareLoop } from "./bare-loop.ts";
import { connectEs } from "./connect-es.ts";
import type { Contender } from "./contender.ts";
import { grpcJs } from "./grpc-js.ts";
import { portico } from "./portico.ts";

export const CONTENDERS = {
  "bare loop": bareLoop,
  Portico: portico,
  "grpc-js": grpcJs,
  "Connect-ES": connectEs,
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof CONTENDERS;

export function contenderOf(name: string | undefined): Contender {
  const found = Object.entries(CONTENDERS).find(([known]) => known === name);
  if (!found) throw new Error(`Cannot measure "${name}": no such contender`);
  return found[1];
}
