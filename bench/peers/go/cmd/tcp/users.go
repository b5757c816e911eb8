package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"

	"github.com/go-sql-driver/mysql"

	"portico/bench/peers/go/internal/rpc"
)

const (
	// More connections wake more threads on both sides without more throughput.
	connsPerCore = 8

	duplicateKey = 1062
)

type user struct {
	rpc.Profile
	passwordHash string
	salt         string
}

type users struct {
	db *sql.DB
	// Prepared: every sign-in needs this statement.
	findStmt *sql.Stmt
}

// openUsers takes mysql://user:password@host:port/database. The database must exist.
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
	// Count found rows, so that setting the same nickname again counts as found.
	config.ClientFoundRows = true
	// One round trip for each of the other statements, without preparing it.
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	db := sql.OpenDB(connector)
	maxConns := connsPerCore * runtime.GOMAXPROCS(0)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	findStmt, err := db.Prepare(
		"SELECT username, nickname, profile_path, password, salt FROM user WHERE username = ?")
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return &users{db: db, findStmt: findStmt}, nil
}

// find returns nil if there is no such user.
func (u *users) find(ctx context.Context, username string) (*user, error) {
	found := new(user)
	err := u.findStmt.QueryRowContext(ctx, username).Scan(
		&found.Username, &found.Nickname, &found.ProfilePath, &found.passwordHash, &found.salt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// insert returns false if the name is taken.
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

// setNickname returns false if there is no such user.
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
