package settings_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"event-processing-service/internal/settings"
)

func TestWithoutSettingsTheAPIIsOpenAndUnlimited(t *testing.T) {
	s, err := settings.LoadAPI(environment())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings.Protection{}, s.Protection, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProtectionIsReadFromTheEnvironment(t *testing.T) {
	hash := sha256.Sum256([]byte("a key that is kept elsewhere"))
	s, err := settings.LoadAPI(environment(
		"API_KEYS", `{"shop":["0123456789abcdef","sha256:`+hex.EncodeToString(hash[:])+`"],"billing":`+
			`{"keys":{"key":"fedcba9876543210","expires":"2027-01-31T12:00:00Z"}}, "web" : {"keys":["web-0123456789abc"],`+
			`"sources":["/web/*","/orders/web"],"types":["order.*"],"limit":"10/1s"},"one":{"keys":"one-0123456789abc"}}`,
		"RATE_LIMIT", "5000/1m",
		"RATE_LIMIT_URL", "rediss://:secret@limits.example.com:6379/1",
		"TRUSTED_PROXIES", "10.0.0.0/16, 192.0.2.7,2001:db8::/32",
		"CORS_ALLOWED_ORIGINS", "https://app.example.com, http://localhost:3000",
		"PUBLIC_URL", "https://api.example.com/",
		"SCHEMA_MODE", "STRICT",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Protection{
		Clients: map[string]settings.Client{
			"shop": {Keys: []settings.Key{{Hash: sha256.Sum256([]byte("0123456789abcdef"))}, {Hash: hash}}},
			"billing": {Keys: []settings.Key{{Hash: sha256.Sum256([]byte("fedcba9876543210")),
				Expires: time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)}}},
			"web": {Keys: []settings.Key{{Hash: sha256.Sum256([]byte("web-0123456789abc"))}}, Sources: []string{"/web/*",
				"/orders/web"},
				Types: []string{"order.*"}, Limit: settings.Rate{Units: 10, Per: time.Second}},
			"one": {Keys: []settings.Key{{Hash: sha256.Sum256([]byte("one-0123456789abc"))}}},
		},
		RateLimit:    settings.Rate{Units: 5000, Per: time.Minute},
		RateLimitURL: "rediss://:secret@limits.example.com:6379/1",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("192.0.2.7/32"),
			netip.MustParsePrefix("2001:db8::/32")},
		CORSOrigins:   []string{"https://app.example.com", "http://localhost:3000"},
		PublicURL:     "https://api.example.com",
		StrictSchemas: true,
	}
	if diff := cmp.Diff(want, s.Protection, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongWithProtectionIsNamedAndNoSecretIsShown(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"API_KEYS", `secret`},
		{"API_KEYS", `{}`},
		{"API_KEYS", `["secret"]`},
		{"API_KEYS", `{"shop":"secret"}`},
		{"API_KEYS", `{"shop":[]}`},
		{"API_KEYS", `{"shop":7}`},
		{"API_KEYS", `{"shop":"sha256:secret"}`},
		{"API_KEYS", `{"shop":"sha256:` + strings.Repeat("0", 66) + `"}`},
		{"API_KEYS", `{"":"secret-0123456789"}`},
		{"API_KEYS", `{"a b":"secret-0123456789"}`},
		{"API_KEYS", `{"a":"secret-0123456789","b":"secret-0123456789"}`},
		{"API_KEYS", `{"shop":{"sources":["/secret"]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"sources":[]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"sources":["*secret"]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"sources":["secret",""]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"sources":["/kafka/secret"]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"source":["/secret"]}}`},
		{"API_KEYS", `{"shop":{"keys":["secret-0123456789"],"sources":"/secret"}}`},
		{"API_KEYS", `{"shop":{"keys":{"keys":["secret-0123456789"]}}}`},
		{"API_KEYS", `{"shop":{"key":"secret-0123456789"}}`},
		{"API_KEYS", `{"shop":[{"key":"secret-0123456789"}]}`},
		{"API_KEYS", `{"shop":[{"key":"secret-0123456789","expires":"secret"}]}`},
		{"API_KEYS", `{"shop":{"keys":"secret-0123456789","types":[]}}`},
		{"API_KEYS", `{"shop":{"keys":"secret-0123456789","types":["*.secret"]}}`},
		{"API_KEYS", `{"shop":{"keys":"secret-0123456789","limit":"secret"}}`},
		{"RATE_LIMIT", "100"},
		{"RATE_LIMIT", "0/1s"},
		{"RATE_LIMIT", "100/1"},
		{"RATE_LIMIT", "100/1ms"},
		{"RATE_LIMIT_URL", "http://:secret@localhost"},
		{"RATE_LIMIT_URL", "localhost:6379?secret"},
		{"TRUSTED_PROXIES", "10.0.0.0/33"},
		{"TRUSTED_PROXIES", "::ffff:0.0.0.0/90"},
		{"METRICS_ADDRESS", "localhost"},
		{"TRUSTED_PROXIES", "proxy.example.com"},
		{"CORS_ALLOWED_ORIGINS", "https://app.example.com/"},
		{"CORS_ALLOWED_ORIGINS", "app.example.com"},
		{"CORS_ALLOWED_ORIGINS", "*,https://app.example.com"},
		{"PUBLIC_URL", "api.example.com"},
		{"PUBLIC_URL", "ftp://api.example.com"},
		{"SCHEMA_MODE", "loose"},
	} {
		_, err := settings.LoadAPI(environment(c.name, c.value))
		if err == nil || !strings.HasPrefix(err.Error(), c.name) {
			t.Errorf("%s=%s: the error is %v", c.name, c.value, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	_, err := settings.LoadAPI(environment("PORT", "x", "RATE_LIMIT", "x", "SCHEMA_MODE", "x"))
	for _, name := range []string{"PORT", "RATE_LIMIT", "SCHEMA_MODE"} {
		if err == nil || !strings.Contains(err.Error(), name+"=") {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}

func TestANetworkOfIPv4InTheFormOfIPv6IsTheSameNetwork(t *testing.T) {
	s, err := settings.LoadAPI(environment("TRUSTED_PROXIES", "::ffff:127.0.0.0/104, ::ffff:192.0.2.7, 2001:db8::/32"))
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
		netip.MustParsePrefix("2001:db8::/32")}
	if !slices.Equal(s.TrustedProxies, want) {
		t.Errorf("it is %v, want %v", s.TrustedProxies, want)
	}
}
