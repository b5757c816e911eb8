import { CONFIG } from "./help-options.ts";

// What `--help` prints for the commands that copy an installation.

export const BACKUP = `Copy the users and the pictures out of DATA_DIR, while Portico runs.

  bun run backup FOLDER

FOLDER gets portico.sqlite, with all users as they are at one moment, and the
folder avatars, with their pictures. FOLDER must be empty or missing. As long as
it has no portico.sqlite, it is not a backup. Sessions are not copied: after a
restore, users sign in again.

Data outside DATA_DIR (DATABASE_URL, REDIS_URL, AVATAR_URL) is not copied. The
command names it, and the tools that copy it.

To restore: bun run restore FOLDER

${CONFIG}

Exit codes
  0    everything is copied
  2    the arguments or the environment are wrong, FOLDER is not empty, or
       DATA_DIR has nothing to copy
  3    failed; FOLDER is as it was before
  130  stopped by Ctrl-C (SIGINT); FOLDER is as it was before
  143  stopped by SIGTERM; FOLDER is as it was before`;

export const RESTORE = `Put a backup into DATA_DIR.

  bun run restore FOLDER

FOLDER is one that \`bun run backup\` has filled. The command checks the copy
first: the SQLite file, and each picture against the list in FOLDER. DATA_DIR
must be missing, or have neither users nor pictures. If the command fails or is
killed, DATA_DIR has no users, as before; run it again.

Sessions are not in a backup: users sign in again.

${CONFIG}

Exit codes
  0    the backup is in DATA_DIR
  1    the backup is damaged or not complete
  2    the arguments or the environment are wrong, or DATA_DIR is not empty
  3    failed
  130  stopped by Ctrl-C (SIGINT)
  143  stopped by SIGTERM`;

export const GRADUATE = `Move an embedded installation into MySQL, Redis and S3.

  bun run graduate --to FILE   move, or go on with a move that was interrupted
  bun run graduate --undo      take writes in DATA_DIR again

It copies the users, the sessions and the pictures of DATA_DIR to the places
that FILE names, and compares every row and every picture. FILE has the settings
of the new installation, in TOML: DATABASE_URL for the users, REDIS_URL for the
sessions, AVATAR_URL and S3_… for the pictures. A part that FILE does not name
stays. The new places must be empty.

Portico may run during the move. It answers reads, sign-ins and sign-outs. It
answers changes of users and pictures with DataBaseError, and at the very end
sign-ins and sign-outs too. After the move, DATA_DIR stays read-only.
docs/moving.md has the steps.

You may stop it or kill it at any time; run it again to go on.

Options
  --config FILE  a file of settings in TOML of the old installation. The
                 environment wins
  -h, --help     print this text

Exit codes
  0    everything is moved, or taken back
  1    a copy differs from the original; the differences are named
  2    the arguments, FILE or the environment are wrong
  3    failed, or a new place is not empty; run it again
  130  stopped by Ctrl-C (SIGINT)
  143  stopped by SIGTERM`;
