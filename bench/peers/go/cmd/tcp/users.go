package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"

	"portico/bench/peers/go/internal/rpc"
)

// As many statements at once as MySQL has a use for on a few cores.
const maxMysqlConns = 64

const duplicateKey = 1062

type user struct {
	rpc.Profile
	passwordHash string
	salt         string
}

type users struct {
	db *sql.DB
}

// openUsers takes mysql://user:password@host:port/database.
func openUsers(databaseURL string) (*users, error) {
	parsed, err := url.Parse(databaseURL)
	if err != nil || parsed.Scheme != "mysql" {
		return nil, errors.New("DATABASE_URL is no mysql:// URL")
	}
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = parsed.Host
	config.User = parsed.User.Username()
	config.Passwd, _ = parsed.User.Password()
	config.DBName = strings.TrimPrefix(parsed.Path, "/")
	// A nickname that is set again as it was counts as found.
	config.ClientFoundRows = true
	// One round trip for each statement, and none to prepare it.
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(maxMysqlConns)
	db.SetMaxIdleConns(maxMysqlConns)
	return &users{db: db}, nil
}

// find returns nil where there is no such user.
func (u *users) find(ctx context.Context, username string) (*user, error) {
	found := new(user)
	err := u.db.QueryRowContext(ctx,
		"SELECT username, nickname, profile_path, password, salt FROM user WHERE username = ?",
		username,
	).Scan(&found.Username, &found.Nickname, &found.ProfilePath, &found.passwordHash, &found.salt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// insert returns false where the name is taken.
func (u *users) insert(ctx context.Context, user *user) (bool, error) {
	_, err := u.db.ExecContext(ctx,
		`INSERT INTO user
		   (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
		 VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?, ?, ?, ?, ?)`,
		user.Username, user.Nickname, user.passwordHash, user.salt, user.ProfilePath)
	var refusal *mysql.MySQLError
	if errors.As(err, &refusal) && refusal.Number == duplicateKey {
		return false, nil
	}
	return err == nil, err
}

// setNickname returns false where there is no such user.
func (u *users) setNickname(ctx context.Context, username, nickname string) (bool, error) {
	result, err := u.db.ExecContext(ctx,
		"UPDATE user SET nickname = ?, gmt_modified = UTC_TIMESTAMP() WHERE username = ?",
		nickname, username)
	if err != nil {
		return false, err
	}
	found, err := result.RowsAffected()
	return found > 0, err
}
