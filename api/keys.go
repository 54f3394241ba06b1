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

// Clients are those that may use the API, by their names. nil: everybody may do everything.
type Clients map[string]Client

// Client is what one client may do.
type Client struct {
	// Keys are what it is known by. It may have several at a time, so that it can change to a new one before the old one
	// ends.
	Keys []Key
	// Sources are the sources that it is bound to: each a source, or what sources begin with and an asterisk. None: all
	// that no other client is bound to.
	Sources []string
	// Types are the types of event that it may post, written as Sources are. None: all.
	Types []string
	// Rate is its limit. Zero: everybody's.
	Rate limit.Rate
}

// Key is the SHA-256 of a key, and when it ends. The zero time: never.
type Key struct {
	Hash    [sha256.Size]byte
	Expires time.Time
}

// client is who is known by a key.
type client struct {
	Client
	name     string
	header   event.Header // of its records
	limitKey string
	source   string // of its events that name none
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

// id tells keys apart, as eventctl keys list does, and tells nothing about a key.
func (k Key) id() string { return hex.EncodeToString(k.Hash[:4]) }

// SetClients replaces the clients, for requests that come from now on: from then on the API is not open, also where
// there are none. Health shows the version.
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

// forgetKeys takes the uses of keys out that are no more: there are as many series as keys at a time, however often
// they are rotated.
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

// longestKey is more than any key has; what is longer is not worth its hash.
const longestKey = 512

// find takes the same time for every key, right or wrong: all hashes are compared, each to its end. Hashes, because
// comparing takes as long as the shorter text, which would tell a key's length.
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

// identify finds the client of the request. It does not refuse a wrong key: a route that needs none does not check it.
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

// knownClient is the client that the request's key belongs to, or nil. It is known when the request is answered.
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

// needsKey refuses who is not known (RFC 6750, section 3).
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
