// Moves an embedded installation into MySQL, Redis and S3. `bun run graduate --help`

import { join } from "node:path";
import { HELP } from "./cli/help.ts";
import { count, duration } from "./cli/layout.ts";
import { Progress } from "./cli/progress.ts";
import {
  ExitCode,
  MIGRATION_NOTES,
  runDatabaseCommand,
  splitArguments,
  UsageError,
} from "./cli/usage.ts";
import { loadForCommand } from "./config/commands.ts";
import { GRADUATE, type GraduateConfig, loadNewPlaces, type NewPlaces } from "./config/moving.ts";
import { AvatarBucket } from "./http/avatar/bucket.ts";
import { AvatarFolder } from "./http/avatar/folder.ts";
import { type Graduation, graduate, MoveError, type Targets } from "./moving/graduate.ts";
import type { Steps } from "./moving/steps.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import { RpcError } from "./rpc/error.ts";
import { openSessionTarget, openUserTarget } from "./storage/open-move.ts";
import { SqliteMoveSource } from "./storage/sqlite/move-source.ts";

/** Far longer than a chunk takes. What a killed command has copied stays. */
const STOP_GRACE_MS = 15_000;
const SHOWN = 20;

type Arguments = { readonly configPath: string | undefined } & (
  | { readonly what: "move"; readonly to: string }
  | { readonly what: "undo" }
);

function parseArguments(args: string[]): Arguments | "help" {
  const { values } = splitArguments("graduate", {
    args,
    options: {
      to: { type: "string" },
      undo: { type: "boolean" },
      config: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  const configPath = values.config;
  if (values.undo && values.to !== undefined) {
    throw new UsageError("--to and --undo do not go together");
  }
  if (values.undo) return { what: "undo", configPath };
  if (!values.to) {
    throw new UsageError("--to is missing: bun run graduate --to portico.toml");
  }
  return { what: "move", to: values.to, configPath };
}

/** What moves: what the new places name, and DATA_DIR has. */
function chosen(config: GraduateConfig, places: NewPlaces): NewPlaces {
  const { elsewhere } = config;
  if (elsewhere.DATABASE_URL) {
    throw new UsageError(
      "DATABASE_URL is set, so the users are not in DATA_DIR. Unset it, and write it only into " +
        "the file of --to",
    );
  }
  for (const [name, what] of [
    ["REDIS_URL", "sessions"],
    ["AVATAR_URL", "pictures"],
  ] as const) {
    if (elsewhere[name]) console.error(`Not moved: ${what}, as ${name} is set in the environment`);
  }
  const some = {
    databaseUrl: places.databaseUrl,
    redisUrl: elsewhere.REDIS_URL ? undefined : places.redisUrl,
    avatarBucket: elsewhere.AVATAR_URL ? undefined : places.avatarBucket,
  };
  if (Object.values(some).every((each) => each === undefined)) {
    throw new UsageError(
      "There is nothing to move: set DATABASE_URL, REDIS_URL or AVATAR_URL in the file of --to",
    );
  }
  return some;
}

async function move(to: string, config: GraduateConfig): Promise<number> {
  const places = chosen(config, loadNewPlaces(to));
  await using opened = new AsyncDisposableStack();
  const source = await openSource(config, opened);
  const targets = await openTargets(config, places, opened);
  const stop = stopSignal(STOP_GRACE_MS);
  const beganAtMs = performance.now();
  try {
    const outcome = await graduate(source, targets, stepsUntil(stop));
    return tell(outcome, { source, targets, config, to, ms: performance.now() - beganAtMs });
  } catch (error) {
    if (error instanceof Stopped) {
      console.log(`Stopped. To go on: bun run graduate --to ${to}`);
      return error.exitCode;
    }
    if (!(error instanceof MoveError || error instanceof RpcError)) throw error;
    console.error(error.message);
    return ExitCode.failed;
  }
}

async function openSource(
  { dataDir }: GraduateConfig,
  opened: AsyncDisposableStack,
): Promise<SqliteMoveSource> {
  const source = await SqliteMoveSource.open(dataDir, MIGRATION_NOTES);
  opened.defer(() => source.close());
  return source;
}

async function openTargets(
  { dataDir }: GraduateConfig,
  { databaseUrl, redisUrl, avatarBucket: bucket }: NewPlaces,
  opened: AsyncDisposableStack,
): Promise<Targets> {
  const users =
    databaseUrl === undefined ? undefined : await openUserTarget(databaseUrl, MIGRATION_NOTES);
  opened.defer(() => users?.close());
  const sessions = redisUrl === undefined ? undefined : await openSessionTarget(redisUrl);
  opened.defer(() => sessions?.close());
  const pictures = bucket && {
    name: `s3://${bucket.bucket}/${bucket.prefix} at ${new URL(bucket.endpoint).host}`,
    from: new AvatarFolder(join(dataDir, "avatars")),
    to: new AvatarBucket(bucket),
  };
  return { users, sessions, pictures };
}

function stepsUntil(stop: AbortSignal): Steps {
  return {
    stop,
    begin(what, total, done = 0) {
      const already = done === 0 ? "" : `, ${count(done)} of which are there`;
      console.error(`${what}: ${count(total)}${already}`);
      return new Progress(total, done, process.stderr);
    },
  };
}

interface Circumstances {
  readonly source: SqliteMoveSource;
  readonly targets: Targets;
  readonly config: GraduateConfig;
  readonly to: string;
  readonly ms: number;
}

/** Print the outcome, and return the exit code. */
function tell({ state, differences, missing }: Graduation, circumstances: Circumstances): number {
  const { source, targets, config, to, ms } = circumstances;
  if (missing.length > 0) {
    console.error(
      `Missing in ${config.dataDir}: ${count(missing.length)} pictures that users have`,
    );
  }
  if (state === "differs") {
    for (const each of differences.slice(0, SHOWN)) console.error(each);
    if (differences.length > SHOWN) console.error(`and ${count(differences.length - SHOWN)} more`);
    console.log(
      `Not finished: ${count(differences.length)} differ. ${source.name} stays read-only. ` +
        `docs/moving.md says what to do; to give up: bun run graduate --undo`,
    );
    return ExitCode.negative;
  }
  const names = [targets.users, targets.sessions, targets.pictures].flatMap((each) =>
    each ? [each.name] : [],
  );
  const places = names.join(", ");
  console.log(
    state === "already"
      ? `Nothing to do: ${source.name} has moved to ${places} (finished ` +
          `${source.move?.finishedAt} UTC)`
      : `Done in ${duration(ms / 1000)}: ${source.name} has moved to ${places}; all is compared\n` +
          `Now stop the tiers of ${config.dataDir}, and start them with --config ${to}`,
  );
  return 0;
}

async function undo(config: GraduateConfig): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const source = await openSource(config, opened);
  const { move } = source;
  if (!move) {
    console.log(`Nothing to do: no move out of ${source.name} has begun`);
    return 0;
  }
  const places = Object.values(move.places).join(", ");
  await new AvatarFolder(join(config.dataDir, "avatars")).reinstate();
  await source.undo();
  console.log(
    `Undone: ${source.name} takes writes again. What has been copied stays in ${places}, and so ` +
      "does what the new installation has written since. Empty them before another move",
  );
  return 0;
}

export async function main(): Promise<void> {
  await runDatabaseCommand(async () => {
    const args = parseArguments(process.argv.slice(2));
    if (args === "help") {
      console.log(HELP.graduate);
      return 0;
    }
    const config = loadForCommand(GRADUATE, process.env, args.configPath);
    return args.what === "undo" ? undo(config) : move(args.to, config);
  });
}

if (import.meta.main) await main();
