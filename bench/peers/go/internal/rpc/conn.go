package rpc

import (
	"bufio"
	"encoding/gob"
	"net"
)

// conn keeps its encoder and decoder, so that gob describes each type once per connection.
type conn struct {
	net.Conn
	writer  *bufio.Writer
	encoder *gob.Encoder
	decoder *gob.Decoder
}

func newConn(socket net.Conn) *conn {
	writer := bufio.NewWriter(socket)
	return &conn{
		Conn:    socket,
		writer:  writer,
		encoder: gob.NewEncoder(writer),
		decoder: gob.NewDecoder(bufio.NewReader(socket)),
	}
}

func (c *conn) send(message any) error {
	if err := c.encoder.Encode(message); err != nil {
		return err
	}
	return c.writer.Flush()
}

func (c *conn) receive(message any) error {
	return c.decoder.Decode(message)
}
