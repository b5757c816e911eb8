import type { Child } from "./child.ts";
import { eventually } from "./storage-pairs.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Ask a probe. A new connection each time, as probes do. */
export async function ask(url: string, path: string): Promise<Answer> {
  const headers = { Connection: "close" };
  const response = await fetch(`${url}${path}`, { headers, keepalive: false });
  return { status: response.status, text: (await response.text()).trimEnd() };
}

/** The address of the operator's port of a process, from its log. */
export async function operatorUrl(child: Child): Promise<string> {
  const [, url = ""] = await child.waitFor(/"address":"([^"]+)","msg":"metrics and probes"/);
  return url;
}

/** Wait until `/readyz` answers with this status, and return its text. */
export async function readyz(url: string, status: 200 | 503, reason = /./): Promise<string> {
  let last: Answer = { status: 0, text: "" };
  const isSo = async () => {
    last = await ask(url, "/readyz");
    return last.status === status && reason.test(last.text);
  };
  await eventually(`/readyz answers ${status} ${reason}`, isSo).catch((error: unknown) => {
    throw new Error(`The last answer was ${last.status} ${last.text}`, { cause: error });
  });
  return last.text;
}
