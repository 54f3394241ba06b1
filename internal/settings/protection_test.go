package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"event-processing-service/internal/limit"
)

func environment(pairs ...string) Lookup {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

func TestWithoutSettingsTheAPIIsOpenAndUnlimited(t *testing.T) {
	s, err := LoadAPI(environment())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Protection{}, s.Protection, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProtectionIsReadFromTheEnvironment(t *testing.T) {
	hash := sha256.Sum256([]byte("a key that is kept elsewhere"))
	s, err := LoadAPI(environment(
		"API_KEYS", `{"shop":["0123456789abcdef","sha256:`+hex.EncodeToString(hash[:])+`"],"billing":"fedcba9876543210"}`,
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
	want := Protection{
		Keys: map[string][][32]byte{
			"shop":    {sha256.Sum256([]byte("0123456789abcdef")), hash},
			"billing": {sha256.Sum256([]byte("fedcba9876543210"))},
		},
		RateLimit:      limit.Rate{Units: 5000, Per: time.Minute},
		RateLimitURL:   "rediss://:secret@limits.example.com:6379/1",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32")},
		CORSOrigins:    []string{"https://app.example.com", "http://localhost:3000"},
		PublicURL:      "https://api.example.com",
		StrictSchemas:  true,
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
		{"RATE_LIMIT", "100"},
		{"RATE_LIMIT", "0/1s"},
		{"RATE_LIMIT", "100/1"},
		{"RATE_LIMIT", "100/1ms"},
		{"RATE_LIMIT_URL", "http://:secret@localhost"},
		{"RATE_LIMIT_URL", "localhost:6379?secret"},
		{"TRUSTED_PROXIES", "10.0.0.0/33"},
		{"TRUSTED_PROXIES", "proxy.example.com"},
		{"CORS_ALLOWED_ORIGINS", "https://app.example.com/"},
		{"CORS_ALLOWED_ORIGINS", "app.example.com"},
		{"CORS_ALLOWED_ORIGINS", "*,https://app.example.com"},
		{"PUBLIC_URL", "api.example.com"},
		{"PUBLIC_URL", "ftp://api.example.com"},
		{"SCHEMA_MODE", "loose"},
	} {
		_, err := LoadAPI(environment(c.name, c.value))
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
	_, err := LoadAPI(environment("PORT", "x", "RATE_LIMIT", "x", "SCHEMA_MODE", "x"))
	for _, name := range []string{"PORT", "RATE_LIMIT", "SCHEMA_MODE"} {
		if err == nil || !strings.Contains(err.Error(), name+"=") {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}
