// The HTTP tier of the classic design: checks, cookies and JSON in front of the RPC.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"portico/bench/peers/go/internal/rpc"
)

const (
	// One call at a time on each connection. Idle ones are kept, because opening them is expensive.
	maxOpenRPCConns = 1024
	maxIdleRPCConns = maxOpenRPCConns

	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 5 * time.Second
)

func main() {
	if err := run(); err != nil {
		slog.Error("cannot serve", "error", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	pool := rpc.NewPool(os.Getenv("RPC_ADDRESS"), maxOpenRPCConns, maxIdleRPCConns)
	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", os.Getenv("HTTP_PORT")),
		Handler:           newHandler(pool),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(deadline); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return server.Close()
	}
}
