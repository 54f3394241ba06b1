package settings

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Client says how one client may use the API.
type Client struct {
	Keys    []Key
	Sources []string // patterns of the sources that it is bound to; none: what no other client is bound to
	Types   []string // patterns of the event types that it may post; none: all
	Limit   Rate     // its own; zero: everybody's
}

// Key is what a client sends, as its hash.
type Key struct {
	Hash    [sha256.Size]byte
	Expires time.Time // zero: never
}

// Ending is the client with its keys until the end of the overlap. Those that have ended are gone.
func (c Client) Ending(now time.Time, overlap time.Duration) Client {
	end := now.Add(overlap).UTC().Truncate(time.Second)
	var keys []Key
	for _, old := range c.Keys {
		if !old.Expires.IsZero() && old.Expires.Before(now) {
			continue
		}
		if old.Expires.IsZero() || old.Expires.After(end) {
			old.Expires = end
		}
		keys = append(keys, old)
	}
	c.Keys = keys
	return c
}

// Origin is where the clients are stored, as the text that ParseClients takes: one of the two.
type Origin struct {
	Secret string // name or ARN in Secrets Manager
	File   string // path
}

func (o Origin) String() string {
	if o.File != "" {
		return "file " + o.File
	}
	return "secret " + o.Secret
}

// clients reads the three variables, of which one may be set.
func (r *reader) clients() (map[string]Client, Origin) {
	text := r.text("API_KEYS", "", "keys by client, `{\"shop\":\"KEY\",\"billing\":[\"OLD\",\"sha256:HEX\"],"+
		"\"web\":{\"keys\":[\"KEY\"],\"sources\":[\"/web/*\"],\"types\":[\"order.*\"],\"limit\":\"100/1s\"}}`; "+
		"with none of the three variables of keys, the API is open")
	from := Origin{
		Secret: r.text("API_KEYS_SECRET", "",
			"secret in Secrets Manager with the value of `API_KEYS`, read again each minute; `eventctl keys` changes it"),
		File: r.text("API_KEYS_FILE", "", "file with the value of `API_KEYS`, read again each minute"),
	}
	switch {
	case from.Secret != "" && from.File != "", text != "" && from != Origin{}:
		r.problems = append(r.problems,
			errors.New("API_KEYS, API_KEYS_SECRET, API_KEYS_FILE: at most one of them may be set"))
	case text != "":
		clients, err := ParseClients(text)
		if err == nil && len(clients) == 0 {
			err = errors.New(clientsForm)
		}
		if err != nil {
			r.secretProblem("API_KEYS", err.Error())
		}
		return clients, from
	}
	return nil, from
}

// hashPrefix begins a key that is stored as the SHA-256 of itself, in hex.
const hashPrefix = "sha256:"

// leastKey is the length of a key that can't be guessed: 16 random letters and digits have 95 bits.
const leastKey = 16

// clientsForm says what ParseClients takes.
const clientsForm = `a JSON object of client name to key, to a list of keys, or to an object with keys and, where ` +
	`wanted, ` +
	`sources, types and limit, such as {"shop":"KEY","billing":["OLD","NEW"],"web":{"keys":["KEY"],` +
	`"sources":["/web/*"],"types":["order.*"],"limit":"100/1s"}}; a key is at least 16 characters, or sha256: and the ` +
	`SHA-256 of one in hex, or {"key":KEY,"expires":"2027-01-31T12:00:00Z"}`

// ParseClients reads the clients of the API by their names. The error joins every problem and shows no key, nor what
// could be one.
func ParseClients(text string) (map[string]Client, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil || raw == nil {
		return nil, errors.New(clientsForm)
	}
	clients, owners := map[string]Client{}, map[[sha256.Size]byte]string{}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			problems = append(problems,
				fmt.Errorf("an object whose names are 1 to 64 printable ASCII characters; %q is not", name))
		}
		client, err := parseClient(raw[name])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s (client %q: %w)", clientsForm, name, err))
			continue
		}
		for _, key := range client.Keys {
			if other, taken := owners[key.Hash]; taken {
				problems = append(problems,
					fmt.Errorf("different keys for different clients; %q and %q share one", other, name))
			}
			owners[key.Hash] = name
		}
		clients[name] = client
	}
	return clients, errors.Join(problems...)
}

// FormatClients writes what ParseClients reads, with each key as its hash.
func FormatClients(clients map[string]Client) string {
	type key struct {
		Key     string    `json:"key"`
		Expires time.Time `json:"expires,omitzero"`
	}
	type client struct {
		Keys    []any    `json:"keys"`
		Sources []string `json:"sources,omitempty"`
		Types   []string `json:"types,omitempty"`
		Limit   string   `json:"limit,omitempty"`
	}
	to := map[string]client{}
	for name, c := range clients {
		formatted := client{Sources: c.Sources, Types: c.Types, Limit: c.Limit.String()}
		for _, k := range c.Keys {
			text := hashPrefix + hex.EncodeToString(k.Hash[:])
			if k.Expires.IsZero() {
				formatted.Keys = append(formatted.Keys, text)
			} else {
				formatted.Keys = append(formatted.Keys, key{text, k.Expires})
			}
		}
		to[name] = formatted
	}
	text, _ := json.MarshalIndent(to, "", "  ") // strings and lists of them
	return string(text)
}

func parseClient(raw json.RawMessage) (c Client, err error) {
	if !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		c.Keys, err = parseKeys(raw)
		return c, err
	}
	var binding struct {
		Keys    json.RawMessage `json:"keys"`
		Sources []string        `json:"sources"`
		Types   []string        `json:"types"`
		Limit   string          `json:"limit"`
	}
	if err := decodeStrictly(raw, &binding); err != nil || binding.Keys == nil {
		return c, errors.New("an object must have keys, may have sources and types, which are lists of strings, and limit, " +
			"and nothing else")
	}
	if c.Keys, err = parseKeys(binding.Keys); err != nil {
		return c, err
	}
	c.Sources, c.Types = binding.Sources, binding.Types
	for what, patterns := range map[string][]string{"sources": c.Sources, "types": c.Types} {
		if patterns != nil && len(patterns) == 0 {
			return c, fmt.Errorf("%s is empty; leave it out to bind the client to none", what)
		}
		for _, pattern := range patterns {
			if pattern == "" || strings.Contains(pattern[:len(pattern)-1], "*") || what == "sources" &&
				strings.HasPrefix(pattern, "/kafka/") {
				return c, fmt.Errorf("%s must be whole, or what %s begin with and an asterisk, such as /shop/* or order.*, "+
					"and not begin with /kafka/", what, what)
			}
		}
	}
	if binding.Limit != "" {
		if c.Limit, err = ParseRate(binding.Limit); err != nil {
			return c, fmt.Errorf("limit must be %w", err)
		}
	}
	return c, nil
}

// parseKeys takes a key or a list of keys.
func parseKeys(raw json.RawMessage) (keys []Key, err error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	if len(list) == 0 {
		return nil, errors.New("no key")
	}
	for _, one := range list {
		var dated struct {
			Key     string    `json:"key"`
			Expires time.Time `json:"expires"`
		}
		if json.Unmarshal(one, &dated.Key) != nil {
			if err := decodeStrictly(one, &dated); err != nil || dated.Expires.IsZero() {
				return nil, errors.New(`neither a string, nor {"key":KEY,"expires":TIME}, nor a list of these`)
			}
		}
		hash, err := hashOf(dated.Key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, Key{hash, dated.Expires})
	}
	return keys, nil
}

func hashOf(key string) (hash [sha256.Size]byte, err error) {
	digest, hashed := strings.CutPrefix(key, hashPrefix)
	switch {
	case !hashed && len(key) < leastKey:
		return hash, errors.New("a key of less than 16 characters")
	case !hashed:
		return sha256.Sum256([]byte(key)), nil
	case len(digest) != hex.EncodedLen(sha256.Size):
		return hash, errors.New("sha256: without 64 hex digits")
	}
	if _, err := hex.Decode(hash[:], []byte(digest)); err != nil {
		return hash, errors.New("sha256: without 64 hex digits")
	}
	return hash, nil
}

func decodeStrictly(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}
