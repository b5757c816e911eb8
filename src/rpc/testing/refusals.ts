// Ways in which a server of the tests does not do what it was asked, and says so.
import { Flag, FrameType } from "../wire/frame.ts";
import type { Fault } from "./faults.ts";

/** Answers with this ERROR. */
export function refuses(code: string, flags = 0): Fault {
  const body = JSON.stringify({ code, message: "refused on purpose", retryAfterMs: 1 });
  return ({ id }, peer) => peer.send({ type: FrameType.error, flags, id, body });
}

/** Says that the call, and all after it, were not begun. */
export const goesAway: Fault = ({ id }, peer) => {
  const body = JSON.stringify({ lastId: id - 1, reason: "on purpose" });
  peer.send({ type: FrameType.goaway, flags: Flag.optional, body });
};

/** Says that it goes away, but takes the call; and then is lost with it. */
export const takesAndDies: Fault = ({ id }, peer) => {
  const body = JSON.stringify({ lastId: id, reason: "on purpose" });
  peer.send({ type: FrameType.goaway, flags: Flag.optional, body });
  setTimeout(() => peer.socket?.terminate(), 10);
};
