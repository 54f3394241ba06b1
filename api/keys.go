package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Keys are the hashes of each client's API keys, by the client's name. A client may have several at a time, so that it can
// change to a new one before the old one ends. None: everybody may do everything.
type Keys map[string][][sha256.Size]byte

// client is who is known by a key.
type client struct {
	name     string
	limitKey string
	requests prometheus.Counter
}

// keyring finds clients by their keys.
type keyring []keyOwner

type keyOwner struct {
	hash  [sha256.Size]byte
	owner *client
}

func newKeyring(keys Keys, m *metrics) keyring {
	var ring keyring
	for name, hashes := range keys {
		owner := &client{name: name, limitKey: "key:" + name, requests: m.requests.WithLabelValues(name)}
		for _, hash := range hashes {
			ring = append(ring, keyOwner{hash, owner})
		}
	}
	return ring
}

// longestKey is more than any key has; what is longer is not worth its hash.
const longestKey = 512

// find takes the same time for every key, right or wrong: all hashes are compared, each to its end. Hashes, because
// comparing takes as long as the shorter text, which would tell a key's length.
func (r keyring) find(key string) *client {
	if key == "" || len(key) > longestKey {
		return nil
	}
	hash := sha256.Sum256([]byte(key))
	found := -1
	for i := range r {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], r[i].hash[:]), i, found)
	}
	if found < 0 {
		return nil
	}
	return r[found].owner
}

type clientKey struct{}

// identify finds out who asks. A key that is wrong is not refused here: where none is needed, none is looked at.
func (s *Server) identify(c *fiber.Ctx) error {
	if len(s.keys) > 0 {
		if who := s.keys.find(presentedKey(c)); who != nil {
			c.Locals(clientKey{}, who)
			who.requests.Inc()
		}
	}
	return c.Next()
}

// Client returns the name of the client that the request's key belongs to, or "", for the handlers around this package's.
// It is known when the request is answered.
func Client(c *fiber.Ctx) string { return clientOf(c) }

// clientOf returns the name of the client that the request's key belongs to, or "".
func clientOf(c *fiber.Ctx) string {
	if who, ok := c.Locals(clientKey{}).(*client); ok {
		return who.name
	}
	return ""
}

// presentedKey is valid as long as the request.
func presentedKey(c *fiber.Ctx) string {
	if key := c.Get("X-API-Key"); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// needsKey refuses who is not known (RFC 6750, section 3).
func (s *Server) needsKey(c *fiber.Ctx) error {
	if len(s.keys) == 0 || clientOf(c) != "" {
		return c.Next()
	}
	challenge, detail := `Bearer realm="event-processing-service"`, keyNeeded.Detail
	if presentedKey(c) != "" {
		challenge += `, error="invalid_token"`
		detail = "the API key is not, or no longer, valid"
	}
	c.Set(fiber.HeaderWWWAuthenticate, challenge)
	return newProblem(keyNeeded, detail)
}
