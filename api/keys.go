package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/internal/event"
	"event-processing-service/internal/limit"
)

// Clients are the clients that may use the API, by their names. nil: everybody may do everything.
type Clients map[string]Client

// Client is what one client may do.
type Client struct {
	// Keys identify the client. It may have several at a time, so that it can change to a new key before the old one ends.
	Keys []Key
	// Sources are the sources that the client is bound to: each is a source, or a beginning with an asterisk. None: all
	// sources that no other client is bound to.
	Sources []string
	// Types are the event types that the client may post, in the form of Sources. None: all.
	Types []string
	// Rate is the client's limit. Zero: the limit for everybody.
	Rate limit.Rate
}

// Key is the SHA-256 of a key, and when it ends. The zero time: never.
type Key struct {
	Hash    [sha256.Size]byte
	Expires time.Time
}

// client is a client that a key identifies.
type client struct {
	Client
	name     string
	header   event.Header // of its records
	limitKey string
	source   string // of its events without a source
	policy   []byte // see Server.ratePolicy
	requests prometheus.Counter
}

// keyring finds clients by their keys.
type keyring struct {
	version string
	owners  []keyOwner
	clients map[string]*client
}

type keyOwner struct {
	Key
	owner *client
	uses  prometheus.Counter
}

// id distinguishes keys, as eventctl keys list does, and reveals nothing about a key.
func (k Key) id() string { return hex.EncodeToString(k.Hash[:4]) }

// SetClients replaces the clients for requests from now on. From then on the API is not open, even if there are no
// clients. Health shows the version.
func (s *Server) SetClients(clients Clients, version string) {
	ring := &keyring{clients: map[string]*client{}, version: version}
	for name, c := range clients {
		if c.Rate.Units == 0 {
			c.Rate = s.cfg.Rate
		}
		owner := &client{Client: c, name: name, header: event.Header{Key: event.ClientHeader, Value: []byte(name)},
			limitKey: "key:" + name, source: sourceOf(name), policy: policyOf(c.Rate),
			requests: s.metrics.requests.WithLabelValues(name)}
		ring.clients[name] = owner
		for _, key := range c.Keys {
			ring.owners = append(ring.owners, keyOwner{key, owner, s.metrics.uses.WithLabelValues(name, key.id())})
		}
	}
	before := s.keys.Swap(ring)
	s.metrics.forgetKeys(before, ring)
}

// forgetKeys removes the metrics of keys that no longer exist, so that there are only as many series as keys, however
// often keys are rotated.
func (m *metrics) forgetKeys(before, now *keyring) {
	if before == nil {
		return
	}
	there := map[[2]string]bool{}
	for _, o := range now.owners {
		there[[2]string{o.owner.name, o.id()}] = true
	}
	for _, o := range before.owners {
		if !there[[2]string{o.owner.name, o.id()}] {
			m.uses.DeleteLabelValues(o.owner.name, o.id())
		}
	}
}

// longestKey is longer than any key. A longer text is not hashed.
const longestKey = 512

// find takes the same time for every key, right or wrong: it compares all hashes, each to its end. It compares hashes,
// as comparing keys would take a time that reveals their length.
func (r *keyring) find(key string) *keyOwner {
	if key == "" || len(key) > longestKey {
		return nil
	}
	hash := sha256.Sum256([]byte(key))
	found := -1
	for i := range r.owners {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], r.owners[i].Hash[:]), i, found)
	}
	if found < 0 || r.owners[found].hasEnded() {
		return nil
	}
	return &r.owners[found]
}

func (k *Key) hasEnded() bool { return !k.Expires.IsZero() && !time.Now().Before(k.Expires) }

// identify finds the client of the request. It does not refuse a wrong key, as some routes need no key.
func (s *Server) identify(c *fiber.Ctx) error {
	if ring := s.keys.Load(); ring != nil {
		if found := ring.find(presentedKey(c)); found != nil {
			aboutOf(c).client = found.owner
			found.owner.requests.Inc()
			found.uses.Inc()
		}
	}
	return c.Next()
}

// knownClient is the client of the request's key, or nil. It is still known when the answer is logged.
func knownClient(c *fiber.Ctx) *client { return aboutOf(c).client }

// clientOf returns the client's name, or "".
func clientOf(c *fiber.Ctx) string {
	if who := knownClient(c); who != nil {
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

// needsKey refuses requests without a valid key (RFC 6750, section 3).
func (s *Server) needsKey(c *fiber.Ctx) error {
	if s.keys.Load() == nil || clientOf(c) != "" {
		return c.Next()
	}
	challenge, detail := `Bearer realm="event-processing-service"`, keyNeeded.Detail
	if presentedKey(c) != "" {
		challenge += `, error="invalid_token"`
		detail = "the API key is not valid, or no longer valid"
	}
	c.Set(fiber.HeaderWWWAuthenticate, challenge)
	return newProblem(keyNeeded, detail)
}
