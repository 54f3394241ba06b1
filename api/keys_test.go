package api_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

func hashes(keys ...string) (h []api.Key) {
	for _, k := range keys {
		h = append(h, api.Key{Hash: sha256.Sum256([]byte(k))})
	}
	return h
}

func withKeys(c *api.Config) {
	c.Clients = api.Clients{"shop": {Keys: hashes("shop-key-old", "shop-key-new")},
		"billing": {Keys: hashes("billing-key")}}
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
			for _, path := range []string{"/hello", "/health", "/v1/health", "/openapi.json", "/docs"} {
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
	for _, line := range []string{`api_client_requests_total{client="shop"} 2`,
		`api_key_requests_total{client="shop",key="` + keyID("shop-key-old") + `"} 1`,
		`api_key_requests_total{client="shop",key="` + keyID("shop-key-new") + `"} 1`,
		`api_problems_total{client="shop",problem="unsupported-media-type"} 1`} {
		if !strings.Contains(got, line) {
			t.Errorf("there is no line %s in\n%s", line, got)
		}
	}
	if strings.Contains(got, "shop-key") {
		t.Error("a key is in the metrics")
	}
}

func keyID(key string) string {
	hash := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%x", hash[:4])
}

// A year of rotations is not a year of series.
func TestTheUsesOfAKeyAreForgottenWithTheKey(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := api.New(api.Config{Metrics: registry}, &broker{}, nil, slog.New(slog.DiscardHandler))
	for i := range 5 {
		s.SetClients(api.Clients{"shop": {Keys: hashes("stays", fmt.Sprint("key ", i))}}, fmt.Sprint(i))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range families {
		if f.GetName() == "api_key_requests_total" {
			for _, m := range f.GetMetric() {
				keys = append(keys, m.GetLabel()[1].GetValue())
			}
		}
	}
	want := []string{keyID("stays"), keyID("key 4")}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("after five rotations there are series of the keys %q, want %q", keys, want)
	}
}

func TestTheTimePublishesAnEventAndSoNeedsAKeyUnlessItIsOpen(t *testing.T) {
	for _, open := range []bool{false, true} {
		published := 0
		b := &broker{publish: func(events []event.Event) []event.Receipt {
			published += len(events)
			return make([]event.Receipt, len(events))
		}}
		s := serve(t, b, nil, func(c *api.Config) { withKeys(c); c.OpenCurrentTime = open })
		for _, path := range []string{"/current_time", "/v1/current_time"} {
			if open {
				s.do("GET", path, "", "").want(200)
			} else {
				s.do("GET", path, "", "").problem(401)
			}
			s.do("GET", path, "", "", "X-API-Key", "billing-key").want(200)
		}
		if want := map[bool]int{false: 2, true: 4}[open]; published != want {
			t.Errorf("open %v: %d events are published, want %d", open, published, want)
		}
	}
}
