/** What was asked for is known, and cannot be printed. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/**
 * Write a text to stdout, and a line's end.
 * @throws {OutputError} it did not get there whole
 */
export async function print(text: string): Promise<void> {
  try {
    // Not by console.log(), which says nothing where the disk is full.
    await Bun.write(Bun.stdout, `${text}\n`);
  } catch (error) {
    // Whoever read it has what they wanted, as `head` has.
    if (error instanceof Error && "code" in error && error.code === "EPIPE") return;
    const why = error instanceof Error ? error.message : error;
    throw new OutputError(`Cannot write to stdout: ${why}`, { cause: error });
  }
}
