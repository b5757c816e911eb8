export interface RunOptions {
  /** Default: the working directory of this process. */
  readonly folder?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Run a program to its end.
 * @returns its standard output
 * @throws {Error} it failed; the message has its output
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
