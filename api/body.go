package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bodies are read here and not by the framework. The framework would read the whole body before anything could refuse
// the request.

// prefetched is how many bytes of a body of known length the framework reads before it calls a handler.
const prefetched = 8 << 10

// readBody reads the body into new memory, takes room of the load for it, and undoes its content coding (RFC 9110,
// section 8.4). The caller releases the room, also after an error.
func (s *Server) readBody(c *fiber.Ctx, room *held) ([]byte, error) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return nil, nil
	}
	length := c.Request().Header.ContentLength() // -1: in chunks
	if length > s.cfg.MaxBodyBytes {
		return nil, newProblem(bodyTooLarge, bodyTooLarge.Detail)
	}
	if length < 0 {
		stream = newChunkedBody(c, stream)
	}
	body, err := s.readCoded(c, stream, length, room)
	if err != nil {
		return nil, problemOfReading(err)
	}
	if names := c.Request().Header.PeekTrailerKeys(); len(names) > 0 {
		c.Context().SetConnectionClose() // a line in them may end in a bare LF, which a proxy may not take for an end
		return nil, newProblem(malformed, fmt.Sprintf("trailer fields are not supported, and the body ends with a %.64q; "+
			"send it as a header, or not at all", names[0]))
	}
	if err := c.Request().CloseBodyStream(); err != nil {
		return nil, fmt.Errorf("close the body: %w", err)
	}
	return body, nil
}

// readCoded reads all of a compressed body before it unpacks any of it. Unpacking needs a processor and so a turn, and
// a request that has a turn must not wait for a slow client.
func (s *Server) readCoded(c *fiber.Ctx, stream io.Reader, length int, room *held) ([]byte, error) {
	coding := c.Get(fiber.HeaderContentEncoding)
	switch strings.ToLower(coding) {
	case "", "identity":
		return s.readPlain(stream, length, room)
	case "gzip", "x-gzip", "zstd":
	default:
		c.Set(fiber.HeaderAcceptEncoding, "gzip, zstd, identity") // RFC 9110, section 12.5.3
		return nil, newProblem(unsupportedMedia,
			fmt.Sprintf("the Content-Encoding %.64q is not supported; send gzip, zstd or the body as it is", coding))
	}
	packed, err := s.readPlain(stream, length, room)
	if err != nil {
		return nil, err
	}
	mine := turn{load: &s.load}
	if err := mine.begin(); err != nil {
		return nil, err
	}
	defer mine.end()
	most := min(s.cfg.MaxBodyBytes, max(smallBody, mostExpansion*len(packed)))
	var body []byte
	if strings.EqualFold(coding, "zstd") {
		body, err = unpackZstd(packed, most, room)
	} else {
		body, err = unpackGzip(packed, most, room)
	}
	if most < s.cfg.MaxBodyBytes && errors.Is(err, errTooLarge) {
		return nil, newProblem(bodyTooLarge,
			fmt.Sprintf("the body unpacks to more than %d times its size; send it uncompressed", mostExpansion))
	}
	return body, err
}

func (s *Server) readPlain(stream io.Reader, length int, room *held) (body []byte, err error) {
	if length < 0 || length > smallBody {
		if s.manyAnswers() {
			return nil, newProblem(overloaded, overloaded.Detail)
		}
		return readLarge(stream, length, s.cfg.MaxBodyBytes, room)
	}
	if !room.more(int64(length), false) {
		return nil, newProblem(overloaded, overloaded.Detail)
	}
	body = make([]byte, length)
	_, err = io.ReadFull(stream, body)
	return body, err
}

const (
	// mostExpansion is how many times its compressed size a body of more than smallBody may be. It keeps the work for a
	// request in proportion to the bytes that its client sent: a few bytes could be 4 MiB otherwise. A batch of events
	// that differ only in their ids is 70 times its compressed size.
	mostExpansion = 100
	// zstdBlock is the largest block (RFC 8878, section 3.1.1.2.4).
	zstdBlock = 128 << 10
	// gzipMemory is what a decoder holds: a window of 32 KiB, and its tables.
	gzipMemory = 64 << 10
)

var errTooLarge error = newProblem(bodyTooLarge, bodyTooLarge.Detail)

func unpackGzip(packed []byte, most int, room *held) ([]byte, error) {
	if !room.more(gzipMemory, true) {
		return nil, newProblem(overloaded, tooManyLarge)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return readLarge(unpacked, -1, most, room)
}

// unzstd decodes into the memory that it is given, up to its capacity, and needs no window besides. The content coding
// allows a window of 8 MiB at most (RFC 9659).
var unzstd = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(8<<20),
		zstd.WithDecodeAllCapLimit(true))
})

// unpackZstd tries with little memory first: most bodies are small, and few say how large they are. The memory has
// room for one block more than size. So if decoding fails before size is reached, the body is broken and not too large,
// and unpackZstd does not try again.
func unpackZstd(packed []byte, most int, room *held) ([]byte, error) {
	decoder, err := unzstd()
	if err != nil {
		return nil, err
	}
	for size := min(smallBody, most); ; size = min(8*size, most) {
		if !room.more(int64(size+zstdBlock), size > smallBody) {
			return nil, newProblem(overloaded, tooManyLarge)
		}
		body, err := decoder.DecodeAll(packed, make([]byte, 0, size+zstdBlock))
		switch {
		case err == nil && len(body) <= most:
			return body, nil
		case err != nil && len(body) < size && !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return nil, err
		case size == most:
			return nil, errTooLarge
		}
	}
}

const tooManyLarge = "too many large bodies are under way; send it again after a pause"

// readLarge takes room as the bytes come and not as they are announced, so that a client that announces much and sends
// little takes little room.
func readLarge(stream io.Reader, length, most int, room *held) ([]byte, error) {
	var body []byte
	for {
		if len(body) == length {
			return body, nil
		}
		if len(body) > most {
			return nil, errTooLarge
		}
		if len(body) == cap(body) {
			size := min(max(2*cap(body), smallBody), most+1)
			if length >= 0 {
				size = min(size, length)
			}
			if !room.more(int64(size-cap(body)), true) {
				return nil, newProblem(overloaded, tooManyLarge)
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
	return newProblem(malformed, "the body ends early, or its framing or compression is broken")
}
