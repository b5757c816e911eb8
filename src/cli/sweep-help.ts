export const SWEEP_HELP = `Remove the pictures that no user shows.

  bun run sweep [--dry-run]

It lists the pictures that are older than an hour, in DATA_DIR/avatars or in the
bucket of AVATAR_URL, and asks the TCP tier at RPC_ADDRESSES which of them no user
shows. Those are removed, and what is left of saves that broke off. Files with
names that Portico does not give are never touched. The HTTP tier does the same
by itself once a day.

If a part of the answer is missing, nothing is removed. The TCP tier must be on
the database whose users these pictures are of: to any other, all are unused.

Options
  --dry-run    name them and remove none
  -h, --help   this text

Exit codes:
  0  done
  2  not understood: arguments or environment
  3  failed: the pictures cannot be listed or removed, or the TCP tier not be asked`;
