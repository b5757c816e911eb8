// The TCP tier of the classic design: users in MySQL, sessions and cached profiles in Redis.
package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"portico/bench/peers/go/internal/rpc"
)

const callTimeout = 5 * time.Second

func main() {
	if err := run(); err != nil {
		slog.Error("cannot serve", "error", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	users, err := openUsers(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer users.db.Close()
	sessions, err := openSessions(os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	defer sessions.redis.Close()
	passwords, err := newPasswords(os.Getenv("PASSWORD_HASH"))
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("RPC_PORT")))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	service := &service{users: users, sessions: sessions, passwords: passwords}
	return rpc.Serve(listener, callTimeout, service.handle)
}
