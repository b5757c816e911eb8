/** The commands of the executable. */
const NAMES = "start|tcp|http|probe|rpc|migrate|graduate|backup|restore|sweep|hash-cost|seed";
const CALLS = new RegExp(`\\bbun run (?:start:)?(?=(?:${NAMES})\\b)`, "g");

/** A text that names commands, such as `bun run rpc`, with the names that they have here. */
export function asCalled(text: string): string {
  if (!Bun.isStandaloneExecutable || !text.includes("bun run ")) return text;
  return text.replace(CALLS, "portico ");
}

/** Let all that commands print name the commands as they are called here. */
export function printAsCalled(): void {
  for (const name of ["log", "warn", "error"] as const) {
    const write = console[name];
    console[name] = (...texts: unknown[]) =>
      write(...texts.map((text) => (typeof text === "string" ? asCalled(text) : text)));
  }
}
