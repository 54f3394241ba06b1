package api_test

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/limit"
)

func limited(units int, per time.Duration) func(*api.Config) {
	return func(c *api.Config) {
		c.Rate = limit.Rate{Units: units, Per: per}
	}
}

func TestTheLimitIsToldOnEachAnswerAndHolds(t *testing.T) {
	s := serve(t, &broker{}, nil, limited(3, time.Hour))
	for _, left := range []string{"2", "1", "0"} {
		a := s.do(http.MethodGet, "/hello", "", "").want(200)
		if got := a.header.Get("RateLimit-Policy"); got != `"default";q=3;w=3600` {
			t.Errorf("the policy is %s", got)
		}
		if got := a.header.Get("RateLimit"); !strings.HasPrefix(got, `"default";r=`+left+";t=") {
			t.Errorf("with %s left, RateLimit is %s", left, got)
		}
	}
	a := s.post("application/cloudevents+json", structured)
	a.problem(429)
	// which the requests took
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait > 1200 || wait < 1200-30 {
		t.Errorf("the next unit comes after %d seconds (%v), want a third of an hour", wait, err)
	}
	for _, path := range []string{"/health", "/healthcheck", "/health/live", "/health/ready", "/v1/health"} {
		if a := s.do(http.MethodGet, path, "", "").want(200); a.header.Get("RateLimit") != "" {
			t.Errorf("%s is counted", path)
		}
	}
}

func TestABatchCountsItsEvents(t *testing.T) {
	s := serve(t, &broker{}, nil, limited(5, time.Hour))
	batch := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(structured+",", n), ",") + "]" }
	const media = "application/cloudevents-batch+json"
	if got := s.post(media, batch(3)).want(202).header.Get("RateLimit"); !strings.HasPrefix(got, `"default";r=2;`) {
		t.Errorf("after three of five, RateLimit is %s", got)
	}
	s.post(media, batch(3)).problem(429)
	if p := s.post(media, batch(6)).problem(413); !strings.HasSuffix(p.Type, "/batch-too-large") {
		t.Errorf("a batch that no pause makes room for is %s", p.Type)
	}
}

func TestClientsAreLimitedApart(t *testing.T) {
	s := serve(t, &broker{}, nil, limited(1, time.Hour), withKeys)
	s.do(http.MethodGet, "/hello", "", "", "X-API-Key", "shop-key-old").want(200)
	s.do(http.MethodGet, "/hello", "", "", "X-API-Key", "shop-key-new").problem(429) // the same client's
	s.do(http.MethodGet, "/hello", "", "", "X-API-Key", "billing-key").want(200)
	s.do(http.MethodGet, "/hello", "", "").want(200) // by address
	s.do(http.MethodGet, "/hello", "", "", "X-API-Key", "guessed").problem(429)
}

func TestTheAddressIsThatOfTheClientBehindTrustedProxies(t *testing.T) {
	trust := func(c *api.Config) { c.TrustedProxies = api.Proxies{netip.MustParsePrefix("127.0.0.0/8")} }
	from := func(s *service, forwarded ...string) answer {
		headers := []string(nil)
		for _, f := range forwarded {
			headers = append(headers, "X-Forwarded-For", f)
		}
		return s.do(http.MethodGet, "/hello", "", "", headers...)
	}
	s := serve(t, &broker{}, nil, limited(1, time.Hour), trust)
	from(s, "192.0.2.1").want(200)
	from(s, "192.0.2.2, 192.0.2.1").problem(429)              // what the client says itself stands left
	from(s, "192.0.2.9", "192.0.2.1, 127.0.0.7").problem(429) // a second trusted hop, and two lines
	from(s, "192.0.2.1:4711").problem(429)
	from(s, "192.0.2.3").want(200)
	from(s, "2001:db8::1").want(200)
	from(s, "2001:db8::2").problem(429) // the same subscriber
	from(s, "2001:db8:0:1::1").want(200)

	untrusted := serve(t, &broker{}, nil, limited(1, time.Hour))
	from(untrusted, "192.0.2.1").want(200)
	from(untrusted, "192.0.2.3").problem(429)
}

func TestAPreflightIsARequestLikeOthers(t *testing.T) {
	s := serve(t, &broker{}, nil, limited(2, time.Hour),
		func(c *api.Config) { c.CORSOrigins = []string{"https://app.example.com"} })
	ask := func() answer {
		return s.do(http.MethodOptions, "/v1/events", "", "", "Origin", "https://app.example.com",
			"Access-Control-Request-Method", "POST")
	}
	for range 2 {
		if a := ask().want(204); a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
			a.header.Get("Access-Control-Allow-Methods") == "" {
			t.Errorf("it is answered with %v", a.header)
		}
	}
	ask().want(429)
	a := s.do(http.MethodGet, "/hello", "", "", "Origin", "https://app.example.com").want(429)
	if a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("a page can't read why it is refused: %v", a.header)
	}
}
