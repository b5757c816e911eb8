// The socket on which systemd hears its services: Bun has no datagram sockets in the file system.

import { PROGRAMS, programPath } from "./programs.ts";

const PYTHON = programPath(PROGRAMS.python);

/** Whether Python is installed. */
export const available = PYTHON !== undefined;

/** A datagram socket as systemd has it. It prints what arrives, one JSON string on a line. */
const RECEIVER = `
import json, socket, sys
path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + path[1:] if path[0] == "@" else path)
print(json.dumps("bound"), flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
`;

export class Receiver implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  messages: readonly string[] = [];

  constructor(path: string) {
    this.#process = Bun.spawn([PYTHON ?? "python3", "-c", RECEIVER, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    void this.#read();
  }

  async #read(): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      this.messages = text
        .split("\n")
        .slice(0, -1)
        .map((line): string => JSON.parse(line));
    }
  }

  /** Wait for a whole message. */
  async waitFor(message: string): Promise<void> {
    while (!this.messages.includes(message)) await Bun.sleep(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}
