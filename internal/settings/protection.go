package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"event-processing-service/internal/limit"
)

// Protection is what keeps clients of the API apart from each other and from strangers.
type Protection struct {
	Keys           map[string][][sha256.Size]byte // hashes of keys by client; none: open
	RateLimit      limit.Rate                     // zero: none
	RateLimitURL   string                         // of the store that processes share their limits in; "": each its own
	TrustedProxies []netip.Prefix
	CORSOrigins    []string
	PublicURL      string // without a slash at the end; "": what each request was sent to
	StrictSchemas  bool
}

func (r *reader) protection() Protection {
	p := Protection{
		Keys:           r.apiKeys(),
		RateLimit:      r.rate("RATE_LIMIT"),
		RateLimitURL:   r.storeURL("RATE_LIMIT_URL"),
		TrustedProxies: r.networks("TRUSTED_PROXIES"),
		CORSOrigins:    r.origins("CORS_ALLOWED_ORIGINS"),
		PublicURL:      r.baseURL("PUBLIC_URL"),
		StrictSchemas:  r.oneOf("SCHEMA_MODE", "open", "open", "strict") == "strict",
	}
	return p
}

// secretProblem is problem for values that must not be shown.
func (r *reader) secretProblem(name, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s: must be %s", name, want))
}

// leastKey is what can't be guessed: 16 random letters and digits have 95 bits.
const leastKey = 16

const keysForm = `a JSON object of client name to key, or to a list of keys, such as {"shop":"KEY","billing":["OLD","NEW"]}; ` +
	`a key is at least 16 characters, or sha256: and the SHA-256 of one in hex`

// apiKeys never shows a key, nor what could be one.
func (r *reader) apiKeys() map[string][][sha256.Size]byte {
	v := r.text("API_KEYS", "")
	if v == "" {
		return nil
	}
	var clients map[string]json.RawMessage
	if err := json.Unmarshal([]byte(v), &clients); err != nil || len(clients) == 0 {
		r.secretProblem("API_KEYS", keysForm)
		return nil
	}
	keys := map[string][][sha256.Size]byte{}
	owners := map[[sha256.Size]byte]string{}
	for name, raw := range clients {
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			r.secretProblem("API_KEYS", fmt.Sprintf("an object whose names are 1 to 64 printable ASCII characters; %q is not", name))
		}
		hashes, err := parseKeys(raw)
		if err != nil {
			r.secretProblem("API_KEYS", fmt.Sprintf("%s (client %q: %v)", keysForm, name, err))
			continue
		}
		for _, hash := range hashes {
			if other, taken := owners[hash]; taken {
				r.secretProblem("API_KEYS", fmt.Sprintf("different keys for different clients; %q and %q share one", min(name, other), max(name, other)))
			}
			owners[hash] = name
		}
		keys[name] = hashes
	}
	return keys
}

func parseKeys(raw json.RawMessage) (hashes [][sha256.Size]byte, err error) {
	var texts []string
	if json.Unmarshal(raw, &texts) != nil {
		var one string
		if json.Unmarshal(raw, &one) != nil {
			return nil, errors.New("neither a string nor a list of strings")
		}
		texts = []string{one}
	}
	if len(texts) == 0 {
		return nil, errors.New("no key")
	}
	for _, text := range texts {
		digest, hashed := strings.CutPrefix(text, "sha256:")
		hash := sha256.Sum256([]byte(text))
		if hashed {
			if n, err := hex.Decode(hash[:], []byte(digest[:min(len(digest), 2*sha256.Size)])); err != nil || n != sha256.Size || len(digest) != 2*sha256.Size {
				return nil, errors.New("sha256: without 64 hex digits")
			}
		} else if len(text) < leastKey {
			return nil, errors.New("a key of less than 16 characters")
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// rate reads a limit such as 100/1s.
func (r *reader) rate(name string) limit.Rate {
	v := r.text(name, "")
	if v == "" {
		return limit.Rate{}
	}
	units, per, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(strings.TrimSpace(units))
	d, badDuration := time.ParseDuration(strings.TrimSpace(per))
	if err != nil || badDuration != nil || n < 1 || n > 1_000_000 || d < time.Second || d > 24*time.Hour {
		r.problem(name, v, "events/duration, such as 100/1s or 5000/1m: 1 to 1000000 events, and a duration from 1s to 24h")
		return limit.Rate{}
	}
	return limit.Rate{Units: n, Per: d}
}

// storeURL may hold a password, so it is not shown.
func (r *reader) storeURL(name string) string {
	v := r.text(name, "")
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || !slices.Contains([]string{"redis", "rediss", "valkey", "valkeys"}, u.Scheme) {
		r.secretProblem(name, "the URL of a Valkey or Redis server: redis://host:6379, or rediss:// for TLS")
		return ""
	}
	return v
}

func (r *reader) list(name string) (values []string) {
	for v := range strings.SplitSeq(r.text(name, ""), ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

func (r *reader) networks(name string) (networks []netip.Prefix) {
	for _, v := range r.list(name) {
		network, err := netip.ParsePrefix(v)
		if addr, plain := netip.ParseAddr(v); plain == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			r.problem(name, v, "addresses or networks with commas between, such as 10.0.0.0/16")
			continue
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

func (r *reader) origins(name string) []string {
	origins := r.list(name)
	for _, v := range origins {
		u, err := url.Parse(v)
		if v != "*" && (err != nil || u.Host == "" || v != u.Scheme+"://"+u.Host || u.Scheme != "https" && u.Scheme != "http") || v == "*" && len(origins) > 1 {
			r.problem(name, v, "* alone, or origins with commas between, such as https://app.example.com")
			return nil
		}
	}
	return origins
}

func (r *reader) baseURL(name string) string {
	v := strings.TrimSuffix(r.text(name, ""), "/")
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		r.problem(name, v, "an http or https URL without query, such as https://api.example.com")
		return ""
	}
	return v
}
