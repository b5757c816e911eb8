import type { Migration } from "../migration.ts";

/**
 * MySQL cannot roll back a change of a table. So each migration is one statement, which takes
 * effect as a whole and is safe to run again if it was not recorded.
 */
export interface MysqlMigration extends Migration {
  /**
   * A SELECT of one count. If it is 0, nothing has to change, and the migration is only recorded.
   */
  readonly countNeeded?: string;
  /**
   * Data that the migration cannot handle. All obstacles are checked before the first migration.
   */
  readonly obstacles?: readonly MysqlObstacle[];
  /** A statement that prepares the rows. It is safe to run many times. */
  readonly prepare?: string;
}

export interface MysqlObstacle {
  /** A SELECT of the obstacles, as `id`. It must also work before any migration. */
  readonly sql: string;
  readonly why: string;
  /** The kind of the selected rows, such as "foreign key". By default, they are ids of users. */
  readonly what?: string;
}

/** The columns of the original system except `id`, for an IN. */
export const ORIGINAL_COLUMNS = `'gmt_create', 'gmt_modified', 'username', 'nickname',
  'password', 'salt', 'profile_path'`;
/** All our columns except `id`, for an IN. */
export const OUR_COLUMNS = `${ORIGINAL_COLUMNS}, 'disabled_at'`;
const COLUMNS_OF_USER = "information_schema.columns WHERE table_schema = DATABASE()";

const NAMELESS: MysqlObstacle = {
  sql: "SELECT id FROM user WHERE username IS NULL OR password IS NULL",
  why: "give these users a username and a password, or delete them",
};

const TOO_LONG: MysqlObstacle = {
  sql: `SELECT id FROM user WHERE CHAR_LENGTH(username) > 64 OR CHAR_LENGTH(nickname) > 64
    OR CHAR_LENGTH(password) > 255 OR CHAR_LENGTH(salt) > 4 OR CHAR_LENGTH(profile_path) > 128`,
  why:
    "shorten what is too long for its column (username 64 characters, nickname 64, " +
    "password 255, salt 4, profile_path 128)",
};

/** The username as it is compared after the conversion. */
const EXACT_USERNAME = "CONVERT(user.username USING utf8mb4) COLLATE utf8mb4_bin";

const SAME_NAME: MysqlObstacle = {
  // SQL_BIG_RESULT: sorting millions of names takes seconds, a temporary table of them minutes.
  sql: `SELECT user.id FROM user JOIN (
      SELECT SQL_BIG_RESULT ${EXACT_USERNAME} AS exact_username FROM user
      GROUP BY exact_username HAVING COUNT(*) > 1 LIMIT 10
    ) AS taken_twice ON ${EXACT_USERNAME} = taken_twice.exact_username
    ORDER BY taken_twice.exact_username, user.id`,
  why: "rename or delete users until all names differ, not counting spaces at the end",
};

const NO_TABLE: MysqlObstacle = {
  sql: `SELECT table_type AS id FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'user' AND table_type <> 'BASE TABLE'`,
  why: "rename what is named user: a table is needed",
  what: "it is a",
};

const PARTITIONED: MysqlObstacle = {
  sql: `SELECT partition_name AS id FROM information_schema.partitions
    WHERE table_schema = DATABASE() AND table_name = 'user' AND partition_name IS NOT NULL`,
  why: "ALTER TABLE user REMOVE PARTITIONING, since names must be unique in all of it",
  what: "partition",
};

/** MySQL does not alter a column that has a foreign key. */
const FOREIGN_KEY: MysqlObstacle = {
  sql: `SELECT DISTINCT CONCAT(table_name, '.', constraint_name) AS id
    FROM information_schema.key_column_usage
    WHERE (table_schema = DATABASE() AND table_name = 'user' AND referenced_table_name IS NOT NULL
        AND column_name IN (${ORIGINAL_COLUMNS}))
      OR (referenced_table_schema = DATABASE() AND referenced_table_name = 'user'
        AND referenced_column_name IN (${ORIGINAL_COLUMNS}))`,
  why: "drop the foreign keys of columns that are altered",
  what: "foreign key",
};

const DISABLED_AT = `table_schema = DATABASE() AND table_name = 'user'
  AND column_name = 'disabled_at'`;
/** Our column is null unless something is written to it. MariaDB calls this default 'NULL'. */
const IS_OUR_DISABLED_AT = `data_type = 'datetime' AND is_nullable = 'YES'
  AND COALESCE(column_default, 'NULL') = 'NULL' AND extra IN ('', 'INVISIBLE')`;

const OTHER_DISABLED_AT: MysqlObstacle = {
  sql: `SELECT column_type AS id FROM information_schema.columns
    WHERE ${DISABLED_AT} AND NOT (${IS_OUR_DISABLED_AT})`,
  why: "rename or drop the column disabled_at of the table user: Portico needs one of its own",
  what: "it is",
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
    obstacles: [NO_TABLE],
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
  // If the original system made the table, migration 1 leaves it alone, and the next ones convert
  // it.
  {
    version: 2,
    name: "fill gaps of original user",
    countNeeded: `SELECT COUNT(*) AS needed FROM ${COLUMNS_OF_USER}
      AND table_name = 'user' AND column_name IN (${ORIGINAL_COLUMNS}) AND is_nullable = 'YES'`,
    obstacles: [NAMELESS],
    sql: FILL_GAPS,
  },
  {
    version: 3,
    name: "convert original user",
    countNeeded: `SELECT COUNT(*) AS needed FROM ${COLUMNS_OF_USER}
      AND table_name = 'user' AND column_name IN (${ORIGINAL_COLUMNS})
      AND (is_nullable = 'YES' OR collation_name <> 'utf8mb4_bin'
        OR (column_name = 'password' AND character_maximum_length < 255))`,
    obstacles: [PARTITIONED, FOREIGN_KEY, NAMELESS, TOO_LONG, SAME_NAME],
    // Fill gaps again: the original system may have written rows since migration 2.
    prepare: FILL_GAPS,
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
  {
    version: 4,
    name: "unique names of original user",
    // Any unique key of the whole username, and of nothing else, is enough.
    countNeeded: `SELECT COUNT(*) AS needed FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name = 'user' AND NOT EXISTS (
        SELECT index_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'user'
        GROUP BY index_name
        HAVING COUNT(*) = 1 AND MAX(non_unique) = 0
          AND MAX(column_name) = 'username' AND MAX(sub_part) IS NULL)`,
    obstacles: [PARTITIONED, SAME_NAME],
    sql: "ALTER TABLE user ADD UNIQUE KEY uk_username (username)",
  },
  {
    version: 5,
    name: "index user by picture",
    countNeeded: `SELECT COUNT(*) AS needed FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name = 'user' AND NOT EXISTS (
        SELECT index_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'user'
          AND column_name = 'profile_path' AND seq_in_index = 1 AND sub_part IS NULL)`,
    sql: "ALTER TABLE user ADD KEY ix_profile_path (profile_path)",
  },
  {
    version: 6,
    name: "add disabled_at to user",
    countNeeded: `SELECT COUNT(*) AS needed FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name = 'user' AND NOT EXISTS (
        SELECT 1 FROM information_schema.columns WHERE ${DISABLED_AT} AND ${IS_OUR_DISABLED_AT})`,
    obstacles: [OTHER_DISABLED_AT],
    // The last column, so that MySQL 8 and MariaDB can add it without touching the rows. Servers of
    // the version before do not name it, and their users are not disabled.
    sql: "ALTER TABLE user ADD COLUMN disabled_at datetime NULL",
  },
  {
    version: 7,
    name: "create secret",
    countNeeded: `SELECT COUNT(*) = 0 AS needed FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name = 'secret'`,
    sql: `CREATE TABLE IF NOT EXISTS secret (
      name       varchar(64)  NOT NULL PRIMARY KEY,
      value      varchar(255) NOT NULL,
      gmt_create datetime     NOT NULL
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  },
];
