package settings

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of units in each span of time.
type Rate struct {
	Units int
	Per   time.Duration
}

// String is what ParseRate takes, or "" for none.
func (r Rate) String() string {
	if r.Units == 0 {
		return ""
	}
	return strconv.Itoa(r.Units) + "/" + r.Per.String()
}

// Protection is what keeps clients of the API apart from each other and from strangers.
type Protection struct {
	Clients        map[string]Client // by name; none, and no ClientsFrom: open
	ClientsFrom    Origin            // of the clients, which are read again; zero: they are Clients
	CanaryKey      string            // secret with the key of the canary, beside those of the clients; "": none
	RateLimit      Rate              // zero: none
	RateLimitURL   string            // of the store that processes share their limits in; "": each its own
	TrustedProxies []netip.Prefix
	CORSOrigins    []string
	PublicURL      string // without a slash at the end; "": what each request was sent to
	StrictSchemas  bool
	// OpenCurrentTime lets everybody publish by asking for the time, also where there are keys.
	OpenCurrentTime bool
}

func (r *reader) protection() Protection {
	clients, from := r.clients()
	canary := r.canaryKey()
	if canary != "" && from.Secret == "" {
		r.problem("CANARY_KEY_SECRET", canary, "left out, as API_KEYS_SECRET is not set")
	}
	return Protection{
		Clients: clients, ClientsFrom: from, CanaryKey: canary,
		RateLimit: r.rate("RATE_LIMIT", "events of a client or address, such as `100/1s`; unset, there is no limit"),
		RateLimitURL: r.storeURL("RATE_LIMIT_URL",
			"Valkey or Redis through which several processes share the limit; `?cluster=true` where it is a cluster, and "+
				"`&iam=CACHE` where its user enters ElastiCache with IAM"),
		TrustedProxies: r.networks("TRUSTED_PROXIES", "networks whose `X-Forwarded-For` is believed"),
		CORSOrigins:    r.origins("CORS_ALLOWED_ORIGINS", "origins of web pages that may call the API"),
		PublicURL:      r.baseURL("PUBLIC_URL", "the address that clients know, for links in answers"),
		StrictSchemas: r.oneOf("SCHEMA_MODE", "open", "`strict` refuses event types without a schema",
			"open", "strict") == "strict",
		OpenCurrentTime: r.boolean("OPEN_CURRENT_TIME",
			"`true` answers `/current_time`, which publishes an event, without a key where there are keys"),
	}
}

// rate reads a limit such as 100/1s.
func (r *reader) rate(name, meaning string) Rate {
	v := r.text(name, "", meaning)
	if v == "" {
		return Rate{}
	}
	rate, err := ParseRate(v)
	if err != nil {
		r.problem(name, v, err.Error())
	}
	return rate
}

// ParseRate reads a limit; the error says what it must be.
func ParseRate(text string) (Rate, error) {
	units, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(units))
	d, badDuration := time.ParseDuration(strings.TrimSpace(per))
	if err != nil || badDuration != nil || n < 1 || n > 1_000_000 || d < time.Second || d > 24*time.Hour {
		return Rate{}, errors.New(
			"events/duration, such as 100/1s or 5000/1m: 1 to 1000000 events, and a duration from 1s to 24h")
	}
	return Rate{Units: n, Per: d}, nil
}

// storeURL may hold a password, so it is not shown.
func (r *reader) storeURL(name, meaning string) string {
	v := r.text(name, "", meaning)
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

func (r *reader) networks(name, meaning string) (networks []netip.Prefix) {
	for _, v := range r.list(name, "", meaning) {
		network, err := netip.ParsePrefix(v)
		if addr, plain := netip.ParseAddr(v); plain == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			r.problem(name, v, "addresses or networks with commas between, such as 10.0.0.0/16")
			continue
		}
		if network.Addr().Is4In6() { // peers are told apart by their plain addresses
			if network.Bits() < 96 {
				r.problem(name, v, "a network of IPv4 addresses, such as 10.0.0.0/16, in that form")
				continue
			}
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

func (r *reader) origins(name, meaning string) []string {
	origins := r.list(name, "", meaning)
	for _, v := range origins {
		u, err := url.Parse(v)
		if v != "*" &&
			(err != nil || u.Host == "" || v != u.Scheme+"://"+u.Host || u.Scheme != "https" && u.Scheme != "http") ||
			v == "*" && len(origins) > 1 {
			r.problem(name, v, "* alone, or origins with commas between, such as https://app.example.com")
			return nil
		}
	}
	return origins
}

func (r *reader) baseURL(name, meaning string) string {
	v := strings.TrimSuffix(r.text(name, "", meaning), "/")
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" ||
		u.User != nil {
		r.problem(name, v, "an http or https URL without query, such as https://api.example.com")
		return ""
	}
	return v
}
