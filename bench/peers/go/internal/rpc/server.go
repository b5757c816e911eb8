package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"
)

// Handler answers one request.
type Handler func(ctx context.Context, request *Request) Reply

// Serve answers each connection's calls one after the other, each within callTimeout, until the
// listener is closed.
func Serve(listener net.Listener, callTimeout time.Duration, handle Handler) error {
	for {
		socket, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go serveConn(newConn(socket), callTimeout, handle)
	}
}

func serveConn(c *conn, callTimeout time.Duration, handle Handler) {
	defer c.Close()
	for {
		// A new one each time: gob does not reset fields that are not sent.
		request := new(Request)
		if err := c.receive(request); err != nil {
			if !errors.Is(err, io.EOF) {
				slog.Warn("cannot read call", "error", err)
			}
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		reply := handle(ctx, request)
		cancel()
		if err := c.send(&reply); err != nil {
			slog.Warn("cannot send reply", "error", err)
			return
		}
	}
}
