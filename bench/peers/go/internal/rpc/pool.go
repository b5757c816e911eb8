package rpc

import (
	"context"
	"net"
	"sync"
)

// Pool calls a server over up to maxOpen connections and keeps up to maxIdle of them.
type Pool struct {
	address string
	maxIdle int
	// slots holds a token for each call in flight, which limits open connections.
	slots chan struct{}

	mu   sync.Mutex
	idle []*conn
}

// NewPool opens no connection, so the server may start later.
func NewPool(address string, maxOpen, maxIdle int) *Pool {
	return &Pool{address: address, maxIdle: maxIdle, slots: make(chan struct{}, maxOpen)}
}

// Call waits for a connection, sends the request and waits for the reply, all until ctx ends.
func (p *Pool) Call(ctx context.Context, request *Request) (*Reply, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := call(ctx, c, request)
	if err != nil {
		c.Close()
		return nil, err
	}
	p.put(c)
	return reply, nil
}

func call(ctx context.Context, c *conn, request *Request) (*Reply, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if err := c.send(request); err != nil {
		return nil, err
	}
	reply := new(Reply)
	if err := c.receive(reply); err != nil {
		return nil, err
	}
	return reply, nil
}

// get returns the connection that was used last, or opens one.
func (p *Pool) get(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	if last := len(p.idle) - 1; last >= 0 {
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	socket, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	return newConn(socket), nil
}

func (p *Pool) put(c *conn) {
	p.mu.Lock()
	if len(p.idle) < p.maxIdle {
		p.idle = append(p.idle, c)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	c.Close()
}
