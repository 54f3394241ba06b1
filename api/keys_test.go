package api_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"event-processing-service/api"
)

func hashes(keys ...string) (h [][sha256.Size]byte) {
	for _, k := range keys {
		h = append(h, sha256.Sum256([]byte(k)))
	}
	return h
}

func withKeys(c *api.Config) {
	c.Keys = api.Keys{"shop": hashes("shop-key-old", "shop-key-new"), "billing": hashes("billing-key")}
}

func TestOnlyKnownClientsMayPostAndReadEventsAndMetrics(t *testing.T) {
	s := serve(t, &broker{}, outcomes{}, withKeys)
	for _, c := range []struct {
		name    string
		headers []string
		known   bool
		invalid bool
	}{
		{"no key", nil, false, false},
		{"a bearer token", []string{"Authorization", "Bearer shop-key-old"}, true, false},
		{"the scheme in lower case", []string{"Authorization", "bearer  shop-key-old"}, true, false},
		{"the second key of a client", []string{"X-API-Key", "shop-key-new"}, true, false},
		{"another client", []string{"X-API-Key", "billing-key"}, true, false},
		{"a wrong key", []string{"X-API-Key", "billing-kez"}, false, true},
		{"a key that is longer than any", []string{"X-API-Key", strings.Repeat("x", 10_000)}, false, true},
		{"another scheme", []string{"Authorization", "Basic shop-key-old"}, false, false},
		{"the client's name", []string{"X-API-Key", "shop"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := *s
			one.t = t
			answers := map[int]answer{
				202: one.post("application/cloudevents+json", structured, c.headers...),
				404: one.do(http.MethodGet, "/v1/events/nobody", "", "", c.headers...),
				200: one.do(http.MethodGet, "/v1/metrics", "", "", c.headers...),
			}
			for status, a := range answers {
				if c.known {
					a.want(status)
					continue
				}
				a.problem(401)
				challenge := a.header.Get("WWW-Authenticate")
				if !strings.HasPrefix(challenge, "Bearer realm=") || strings.Contains(challenge, "invalid_token") != c.invalid {
					t.Errorf("the challenge is %q", challenge)
				}
			}
			for _, path := range []string{"/hello", "/current_time", "/health", "/v1/health", "/openapi.json", "/docs"} {
				one.do(http.MethodGet, path, "", "", c.headers...).want(200)
			}
		})
	}
}

func TestMetricsNameTheClientAndNeverTheKey(t *testing.T) {
	s := serve(t, &broker{}, outcomes{}, withKeys)
	s.post("application/cloudevents+json", structured, "X-API-Key", "shop-key-old").want(202)
	s.post("text/plain", structured, "X-API-Key", "shop-key-new").want(415)
	got := s.do(http.MethodGet, "/v1/metrics", "", "", "X-API-Key", "billing-key").want(200).body
	for _, line := range []string{`api_client_requests_total{client="shop"} 2`, `api_problems_total{client="shop",problem="unsupported-media-type"} 1`} {
		if !strings.Contains(got, line) {
			t.Errorf("there is no line %s in\n%s", line, got)
		}
	}
	if strings.Contains(got, "shop-key") {
		t.Error("a key is in the metrics")
	}
}
