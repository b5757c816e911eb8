import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { PROGRAMS, programPath } from "../../test/programs.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LINES = 20_000;
/** Logs far more than a pipe and an Output hold, and one more line after the reader begins. */
const FLOOD = `
  import { createLog } from ${JSON.stringify(join(import.meta.dir, "./log.ts"))};
  const log = createLog("flood", "info", false);
  for (let line = 0; line < ${LINES}; line++) {
    log.info({ line, text: "ä".repeat(100) }, "a line");
    if (line % 100 === 0) await Bun.sleep(1);
  }
  process.stderr.write("written");
  for await (const _ of process.stdin) {}
  log.info({ line: ${LINES} }, "a line");
  // Each waits for a second at most, which is too short on a busy machine.
  for (let ends = 0; ends < 20; ends++) await log.end();
  process.exit(0);
`;

/** Reads a pipe, a socket or a terminal, but only after its own standard input has ended. */
const READER = `
import os, socket, subprocess, sys
if sys.argv[1] == "pipe":
    reader, writer = os.pipe()
elif sys.argv[1] == "terminal":
    reader, writer = os.openpty()
else:
    reader, writer = (end.detach() for end in socket.socketpair())
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=writer)
os.close(writer)
sys.stdin.read()
child.stdin.close()
def read():
    try:
        return os.read(reader, 65536)
    except OSError:
        return b"" # The end of a terminal is an error.
while chunk := read():
    sys.stdout.buffer.write(chunk)
sys.exit(child.wait())
`;

const python = programPath(PROGRAMS.python);

describe.skipIf(!python).each(["pipe", "socket", "terminal"])(
  "Output to a %s without a reader",
  (kind) => {
    test("drops lines, reports how many, and writes the others whole and in order", async () => {
      const command = [python ?? "", "-c", READER, kind, process.execPath, "-e", FLOOD];
      await using child = Bun.spawn(command, { stdio: ["pipe", "pipe", "pipe"] });
      // The child has logged everything without blocking.
      await child.stderr.getReader().read();
      child.stdin.end();
      const text = await new Response(child.stdout).text();
      expect(await child.exited).toBe(0);

      const lines = text
        .trimEnd()
        .split("\n")
        .map((line): Record<string, unknown> => JSON.parse(line));
      const numbers = lines.flatMap(({ line }) => (typeof line === "number" ? [line] : []));
      const dropped = lines.reduce((sum, line) => sum + Number(line.dropped ?? 0), 0);
      expect(dropped).toBeGreaterThan(1000);
      expect(numbers.length + dropped).toBe(LINES + 1);
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    });
  },
);
