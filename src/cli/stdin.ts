import { isatty } from "node:tty";
import { RpcError } from "../rpc/error.ts";
import type { Input } from "./request.ts";

const PATIENCE_MS = 1000;

/** The stdin of this process. */
export const STDIN: Input = {
  isTerminal: isatty(0),
  async text(timeoutMs) {
    const reader = Bun.stdin.stream().getReader();
    const hint = setTimeout(() => console.error("Reading the request from stdin"), PATIENCE_MS);
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      reader.cancel(); // Else it keeps the process from ending.
    }, timeoutMs);
    const decoder = new TextDecoder();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
    }
    clearTimeout(hint);
    clearTimeout(limit);
    if (!isLate) return text + decoder.decode();
    const why = "stdin has not ended before the deadline";
    throw new RpcError("deadline_exceeded", `Cannot read the request: ${why}`, {
      processed: false,
    });
  },
};
