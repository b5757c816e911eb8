import type { Migration } from "./migration.ts";

/**
 * MySQL cannot roll a change of tables back, so each is one statement that takes effect as a whole,
 * and is safe to run again where it was not recorded.
 */
export interface MysqlMigration extends Migration {
  /** A SELECT of one count: where it is 0, there is nothing to change, and it is just recorded. */
  readonly neededWhere?: string;
  /** What it cannot take: the ids that this SELECT finds, up to ten, are named with `why`. */
  readonly obstacle?: { readonly sql: string; readonly why: string };
  /** What makes its rows ready, and can be run as often as one likes. */
  readonly before?: string;
}

const COLUMNS_OF_USER = "information_schema.columns WHERE table_schema = DATABASE()";

const NAMELESS = {
  sql: "SELECT id FROM user WHERE username IS NULL OR password IS NULL",
  why: "give these users a username and a password, or delete them",
};

const FILL_GAPS = `UPDATE user SET
    gmt_create   = COALESCE(gmt_create, UTC_TIMESTAMP()),
    gmt_modified = COALESCE(gmt_modified, UTC_TIMESTAMP()),
    nickname     = COALESCE(nickname, LEFT(username, 8)),
    salt         = COALESCE(salt, ''),
    profile_path = COALESCE(profile_path, 'default.webp')
  WHERE gmt_create IS NULL OR gmt_modified IS NULL
    OR nickname IS NULL OR salt IS NULL OR profile_path IS NULL`;

export const MYSQL_MIGRATIONS: readonly MysqlMigration[] = [
  {
    version: 1,
    name: "create user",
    sql: `CREATE TABLE IF NOT EXISTS user (
      id           bigint       NOT NULL AUTO_INCREMENT,
      gmt_create   datetime     NOT NULL,
      gmt_modified datetime     NOT NULL,
      username     varchar(64)  NOT NULL,
      nickname     varchar(64)  NOT NULL,
      password     varchar(255) NOT NULL,
      salt         char(4)      NOT NULL,
      profile_path varchar(128) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY uk_username (username)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  },
  // The original system made its table by hand: 1 then found it there, and 2 and 3 make it ours.
  {
    version: 2,
    name: "fill gaps of original user",
    neededWhere: `SELECT COUNT(*) AS needed FROM ${COLUMNS_OF_USER}
      AND table_name = 'user' AND is_nullable = 'YES'`,
    obstacle: NAMELESS,
    sql: FILL_GAPS,
  },
  {
    version: 3,
    name: "convert original user",
    neededWhere: `SELECT COUNT(*) AS needed FROM ${COLUMNS_OF_USER}
      AND table_name = 'user' AND column_name IN ('gmt_create', 'gmt_modified',
        'username', 'nickname', 'password', 'salt', 'profile_path')
      AND (is_nullable = 'YES' OR collation_name <> 'utf8mb4_bin'
        OR (column_name = 'password' AND character_maximum_length < 255))`,
    // Again: the original system may have gone on since 2.
    obstacle: NAMELESS,
    before: FILL_GAPS,
    sql: `ALTER TABLE user
      MODIFY gmt_create   datetime     NOT NULL,
      MODIFY gmt_modified datetime     NOT NULL,
      MODIFY username     varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      MODIFY nickname     varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      MODIFY password     varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      MODIFY salt         char(4)      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      MODIFY profile_path varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      ENGINE = InnoDB,
      DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  },
];
