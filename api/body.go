package api

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/gofiber/fiber/v2"
)

// Bodies are read here and not by the framework, which would read all that clients send before anything can refuse it.

// prefetched is what the framework reads of a body of known length before it calls a handler.
const prefetched = 8 << 10

// readBody reads the body into memory of its own, for which it takes room of the load; the caller releases it, also after
// an error.
func (s *Server) readBody(c *fiber.Ctx, room *held) ([]byte, error) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return nil, nil
	}
	length := c.Request().Header.ContentLength() // -1: in chunks
	if length > s.cfg.MaxBodyBytes {
		return nil, newProblem(bodyTooLarge, bodyTooLarge.Detail)
	}
	var body []byte
	var err error
	if length >= 0 && length <= smallBody {
		if !room.more(int64(length), false) {
			return nil, newProblem(overloaded, overloaded.Detail)
		}
		body = make([]byte, length)
		_, err = io.ReadFull(stream, body)
	} else {
		body, err = readLarge(stream, length, s.cfg.MaxBodyBytes, room)
	}
	if err != nil {
		return nil, problemOfReading(err)
	}
	if err := c.Request().CloseBodyStream(); err != nil {
		return nil, fmt.Errorf("close the body: %w", err)
	}
	return body, nil
}

// readLarge takes room as the bytes come and not as they are announced: who announces much and sends little holds little.
func readLarge(stream io.Reader, length, most int, room *held) ([]byte, error) {
	var body []byte
	for {
		if len(body) == length {
			return body, nil
		}
		if len(body) > most {
			return nil, newProblem(bodyTooLarge, bodyTooLarge.Detail)
		}
		if len(body) == cap(body) {
			size := min(max(2*cap(body), smallBody), most+1)
			if length >= 0 {
				size = min(size, length)
			}
			if !room.more(int64(size-cap(body)), true) {
				return nil, newProblem(overloaded, "too much is held of large bodies; send it again after a pause")
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF) && (length < 0 || len(body) == length):
			if len(body) > most {
				continue
			}
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

func problemOfReading(err error) error {
	var p *problem
	var timeout net.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &timeout) && timeout.Timeout():
		return newProblem(tooSlow, tooSlow.Detail)
	}
	return newProblem(malformed, "the body ends early or its framing is broken")
}

// closeUnread ends the connection after a request whose body was not read to its end: what is left of it would be taken
// for the next request.
func closeUnread(c *fiber.Ctx) error {
	err := c.Next()
	if c.Context().RequestBodyStream() == nil {
		return err
	}
	if length := c.Request().Header.ContentLength(); length < 0 || length > prefetched {
		c.Context().SetConnectionClose()
		lingerOnClose(c)
	}
	return err
}
