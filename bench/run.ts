export interface RunOptions {
  /** Where it runs; the working directory of this process, if not given. */
  readonly folder?: string;
  /** Beside what this process has. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Run a program to its end.
 * @returns what it printed to stdout
 * @throws {Error} with what it said, where it fails
 */
export async function run(
  command: readonly string[],
  { folder, environment }: RunOptions = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    ...(folder !== undefined && { cwd: folder }),
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode === 0) return out;
  throw new Error(`Cannot run ${command.join(" ")}: exit code ${exitCode}\n${out}${err}`.trimEnd());
}
