package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
)

// serveV2 serves an API with a second version, whose first is deprecated as said.
func serveV2(t *testing.T, said map[string]api.Deprecation) *service {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cfg := api.Config{Version: "test", Schemas: testSchemas(), CORSOrigins: []string{"https://app.example.com"}}
	s := &service{t: t, url: "http://" + ln.Addr().String(), stop: cancel, stopped: make(chan error, 1),
		server: api.NewWithV2(cfg, &broker{}, nil, slog.New(slog.DiscardHandler), said)}
	go func() { s.stopped <- s.server.Serve(ctx, ln, 5*time.Second) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

var leaving = map[string]api.Deprecation{
	"/v1/": {Since: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), Sunset: time.Date(2028, 3, 1, 12, 0, 0, 0, time.UTC),
		Guide: "https://example.com/to-v2", Next: "/v2/"},
	"/v1/hello": {Since: time.Unix(1688169599, 0)}, // the RFC's own example
}

func TestAVersionThatIsToBeLeftSaysSoOnEachAnswerARefusalToo(t *testing.T) {
	s := serveV2(t, leaving)
	for _, a := range []answer{s.post("application/json", `{"type":"t"}`).want(202), s.post("text/plain", "").want(415),
		s.do(http.MethodHead, "/v1/schemas", "", "").want(200),
		s.do(http.MethodGet, "/v1/events/1", "", "").want(501)} {
		if a.header.Get("Deprecation") != "@1803859200" || a.header.Get("Sunset") != "Wed, 01 Mar 2028 12:00:00 GMT" ||
			a.header.Get("Link") != `<https://example.com/to-v2>; rel="deprecation"; type="text/html", `+
				`</v2/>; rel="successor-version"` {
			t.Errorf("%d says %q, %q, %q", a.status, a.header.Get("Deprecation"), a.header.Get("Sunset"), a.header.Get("Link"))
		}
	}
	a := s.do(http.MethodGet, "/v1/hello", "", "")
	if a.header.Get("Deprecation") != "@1688169599" || a.header.Get("Sunset") != "" || a.header.Get("Link") != "" {
		t.Errorf("a path of its own says %v", a.header)
	}
	for _, path := range []string{"/hello", "/v2/hello", "/health/live"} {
		if a := s.do(http.MethodGet, path, "", "").want(200); a.header.Get("Deprecation")+a.header.Get("Sunset") != "" {
			t.Errorf("%s says that it is to be left: %v", path, a.header)
		}
	}
	a = s.do(http.MethodGet, "/v1/hello", "", "", "Origin", "https://app.example.com")
	if !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Sunset") {
		t.Error("a page can't read it")
	}
}

func TestTheDocumentMarksWhatIsToBeLeft(t *testing.T) {
	var served struct {
		Paths map[string]map[string]struct{ Deprecated bool }
	}
	serveV2(t, leaving).do(http.MethodGet, "/openapi.json", "", "").want(200).json(&served)
	for path, operations := range served.Paths {
		for method, op := range operations {
			if op.Deprecated != strings.HasPrefix(path, "/v1/") {
				t.Errorf("%s %s: deprecated is %v", method, path, op.Deprecated)
			}
		}
	}
}

func TestNothingIsDeprecated(t *testing.T) {
	s := serve(t, &broker{}, nil)
	if a := s.do(http.MethodGet, "/v1/hello", "", ""); a.header.Get("Deprecation")+a.header.Get("Link") != "" {
		t.Errorf("/v1/hello says %v", a.header)
	}
	if strings.Contains(string(api.OpenAPI()), `"deprecated":true`) {
		t.Error("the document marks something")
	}
}

// A second version is routes like the first's: it has all that goes for requests, and its own answers.
func TestAVersion2HasAllThatGoesForRequestsAndItsOwnAnswers(t *testing.T) {
	s := serveV2(t, leaving)
	a := s.do(http.MethodGet, "/v2/hello", "", "", "X-Request-Id", "mine").want(200)
	var hello struct{ Words []string }
	if err := json.Unmarshal([]byte(a.body), &hello); err != nil || len(hello.Words) != 2 ||
		a.header.Get("X-Request-Id") != "mine" {
		t.Errorf("%s %v (%v)", a.body, a.header, err)
	}
	s.do(http.MethodGet, "/v2/hello", "", "", "Accept", "text/plain").problem(406)
	s.do(http.MethodPost, "/v2/hello", "", "").problem(405)
	s.do(http.MethodGet, "/v2/events", "", "").problem(404)
	if a := s.do(http.MethodGet, "/v2/hello", "", "", "Accept", "application/xml").want(200); !strings.Contains(a.body,
		"<word>Hello</word>") {
		t.Errorf("in XML: %s", a.body)
	}
	if a := s.do(http.MethodGet, "/v1/hello", "", "").want(200); a.body != `{"message":"Hello World!"}` {
		t.Errorf("version 1 now says %s", a.body)
	}
}

func TestTheUseOfAVersionIsCountedByClient(t *testing.T) {
	s := serveV2(t, nil)
	s.server.SetClients(api.Clients{"shop": {Keys: []api.Key{{Hash: sha256.Sum256([]byte("secret-of-the-shop"))}}}}, "")
	s.do(http.MethodGet, "/v1/hello", "", "", "X-API-Key", "secret-of-the-shop")
	s.do(http.MethodGet, "/v1/schemas", "", "", "X-API-Key", "secret-of-the-shop")
	s.do(http.MethodGet, "/v2/hello", "", "")
	s.do(http.MethodGet, "/hello", "", "")
	text := s.do(http.MethodGet, "/v1/metrics", "", "", "X-API-Key", "secret-of-the-shop").want(200).body
	for _, line := range []string{`api_version_requests_total{client="shop",version="v1"} 3`,
		`api_version_requests_total{client="",version="v2"} 1`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if strings.Count(text, "\napi_version_requests_total{") != 2 {
		t.Error("more is counted than versions")
	}
}
