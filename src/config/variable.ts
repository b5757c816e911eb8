/** The processes and commands that read variables. `start` and `dev` read those of both tiers. */
export type Program =
  | "http"
  | "tcp"
  | "rpc"
  | "migrate"
  | "seed"
  | "backup"
  | "restore"
  | "graduate"
  | "sweep";

export interface Variable {
  readonly default: string;
  readonly meaning: string;
  /** Empty: only `start` and `dev` read it. */
  readonly readBy: readonly Program[];
  /** An empty value is an error: ignoring it would change where data are or who has access. */
  readonly isNeverEmpty?: true;
  /**
   * What it may be in a file of settings, besides a string: a number; an array, for what commas
   * separate; `true` for `on`; `false` for `off`. If the default is a number, a number is allowed.
   */
  readonly kind?: "number" | "list" | "on" | "off";
  /** Its value is the path of a file or folder, so that `NAME_FILE` is refused. */
  readonly isPath?: true;
  /** Other users must not read its value. */
  readonly isSecret?: true;
}
