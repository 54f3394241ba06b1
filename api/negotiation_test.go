package api_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"event-processing-service/api"
)

func TestTheAnswerIsInTheMediaTypeThatIsPreferred(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for accept, want := range map[string]string{
		"":                 "application/json",
		"*/*":              "application/json",
		"application/json": "application/json",
		"application/*":    "application/json",
		"application/xml":  "application/xml; charset=utf-8",
		"text/xml":         "text/xml; charset=utf-8",
		"application/json;q=0.5, application/xml":                         "application/xml; charset=utf-8",
		"application/xml;q=0.5, application/json;q=0.9":                   "application/json",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "application/json", // a browser
		"application/json, application/problem+json":                      "application/json",
	} {
		a := s.do(http.MethodGet, "/v1/hello", "", "", "Accept", accept).want(200)
		if got := a.header.Get("Content-Type"); got != want {
			t.Errorf("Accept %q is answered in %s, want %s", accept, got, want)
		}
		if !strings.Contains(a.header.Get("Vary"), "Accept") {
			t.Errorf("Accept %q: caches are not told", accept)
		}
	}
}

func TestWhatCannotBeAnsweredIsRefusedBeforeItHasAnEffect(t *testing.T) {
	s := start(t)
	for _, accept := range []string{"text/plain", "image/png, application/json;q=0"} {
		s.post("application/cloudevents+json", structured, "Accept", accept).problem(406)
		s.do(http.MethodGet, "/v1/current_time", "", "", "Accept", accept).problem(406)
	}
	if n := len(s.records(0)); n != 0 {
		t.Errorf("%d events were published", n)
	}
	// The routes of old answer as they always did.
	s.do(http.MethodGet, "/hello", "", "", "Accept", "text/plain").want(200)
	s.do(http.MethodGet, "/health", "", "", "Accept", "text/plain").want(200)
}

func TestXMLHasWhatJSONHas(t *testing.T) {
	s := start(t)
	var one struct {
		XMLName    xml.Name `xml:"event"`
		ID, Source string
		IDElement  string `xml:"id"`
		Offset     string `xml:"offset"`
	}
	a := s.post("application/cloudevents+json", structured, "Accept", "application/xml").want(202)
	if err := xml.Unmarshal([]byte(a.body), &one); err != nil || one.IDElement != "e-1" || one.Offset == "" {
		t.Errorf("%s: %v", a.body, err)
	}
	var batch struct {
		XMLName xml.Name `xml:"batch"`
		Results []struct {
			Status  int `xml:"status"`
			Problem struct {
				Type string `xml:"type"`
			} `xml:"problem"`
		} `xml:"results>i"`
	}
	a = s.post("application/cloudevents-batch+json", "["+structured+",7]", "Accept", "text/xml").want(207)
	if err := xml.Unmarshal([]byte(a.body), &batch); err != nil || len(batch.Results) != 2 ||
		batch.Results[1].Problem.Type != s.url+"/docs/problems/invalid-event" {
		t.Errorf("%s: %v", a.body, err)
	}
	for _, path := range []string{"/v1/health", "/v1/schemas", "/v1/current_time", "/health"} {
		if a := s.do(http.MethodGet, path, "", "", "Accept",
			"application/xml").want(200); !strings.HasPrefix(a.body, "<?xml") {
			t.Errorf("%s answers %s", path, a.body)
		}
	}
}

func TestAProblemIsInXMLWhereThatIsAskedFor(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, accept := range []string{"application/xml", "text/xml", "application/problem+xml",
		"application/xml, application/json;q=0.1"} {
		a := s.post("application/cloudevents+json", `{"id":""}`, "Accept", accept)
		if accept == "application/problem+xml" {
			a.want(406) // no answer but a problem is of this type
		} else {
			a.want(400)
		}
		if got := a.header.Get("Content-Type"); got != "application/problem+xml; charset=utf-8" {
			t.Errorf("Accept %q is answered in %s", accept, got)
		}
		var p struct {
			XMLName xml.Name `xml:"urn:ietf:rfc:7807 problem"`
			Type    string   `xml:"type"`
			Errors  []struct {
				Pointer string `xml:"pointer"`
			} `xml:"errors>i"`
		}
		if err := xml.Unmarshal([]byte(a.body), &p); err != nil || p.Type == "" || a.status == 400 && len(p.Errors) != 4 {
			t.Errorf("%s: %v", a.body, err)
		}
	}
}

func TestHEADIsGETWithoutABodyAndHasNoEffect(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/hello", "/v1/current_time?name=Ada", "/health", "/v1/health", "/openapi.json", "/docs",
		"/v1/schemas"} {
		if a := s.do(http.MethodHead, path, "", "").want(200); a.body != "" || a.header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s has type %q and body %q", path, a.header.Get("Content-Type"), a.body)
		}
	}
	if n := len(s.records(0)); n != 0 {
		t.Errorf("%d events were published", n)
	}
}

func TestOPTIONSTellsWhatAPathTakes(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for path, want := range map[string]string{"/v1/events": "POST, OPTIONS", "/v1/events/x": "GET, HEAD, OPTIONS",
		"/hello": "GET, HEAD, OPTIONS"} {
		if a := s.do(http.MethodOptions, path, "", "").want(204); a.header.Get("Allow") != want {
			t.Errorf("%s allows %q, want %q", path, a.header.Get("Allow"), want)
		}
	}
	s.do(http.MethodOptions, "/nowhere", "", "").problem(404)
}

func TestBrowsersOfNamedOriginsMayUseTheAPI(t *testing.T) {
	s := serve(t, &broker{}, nil, withKeys, func(c *api.Config) { c.CORSOrigins = []string{"https://app.example.com"} })
	preflight := func(origin string) answer {
		return s.do(http.MethodOptions, "/v1/events", "", "", "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,content-type")
	}
	a := preflight("https://app.example.com").want(204)
	if a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("the preflight is answered with %v", a.header)
	}
	if a := preflight("https://evil.example.com"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin is let in: %v", a.header)
	}
	a = s.post("application/cloudevents+json", structured, "Origin", "https://app.example.com")
	a.problem(401)
	if a.header.Get("Access-Control-Allow-Origin") == "" ||
		!strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("a page can't read why it was refused: %v", a.header)
	}
	s.do(http.MethodOptions, "/v1/events", "", "", "WebHook-Request-Origin", "example.com").problem(405)

	if a := serve(t, &broker{}, nil).do(http.MethodGet, "/hello", "", "", "Origin",
		"https://app.example.com"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("without origins in the settings, one is let in")
	}
}

func TestWhatSeldomChangesIsSentOnce(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, path := range []string{"/openapi.json", "/openapi.yaml", "/docs", "/docs/problems",
		"/docs/problems/rate-limited", "/v1/schemas/order.placed"} {
		a := s.do(http.MethodGet, path, "", "").want(200)
		etag := a.header.Get("ETag")
		if etag == "" || !strings.Contains(a.header.Get("Cache-Control"), "max-age") {
			t.Errorf("%s has ETag %q, Cache-Control %q", path, etag, a.header.Get("Cache-Control"))
		}
		if again := s.do(http.MethodGet, path, "", "", "If-None-Match", `"other", `+etag); again.status != 304 ||
			again.body != "" {
			t.Errorf("%s is sent again: %d", path, again.status)
		}
		s.do(http.MethodGet, path, "", "", "If-None-Match", `"other"`).want(200)
	}
	if got := s.do(http.MethodGet, "/current_time", "", "").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the time is to be kept: %q", got)
	}
}

func TestLongAnswersAreCompressedWhereThatIsTaken(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, encoding := range []string{"gzip", "deflate"} {
		a := s.do(http.MethodGet, "/openapi.json", "", "", "Accept-Encoding", encoding).want(200)
		if a.header.Get("Content-Encoding") != encoding || !strings.Contains(a.header.Get("Vary"), "Accept-Encoding") ||
			len(a.body) > len(api.OpenAPI())/3 {
			t.Errorf("%s: %d bytes with %v", encoding, len(a.body), a.header)
		}
	}
	if a := s.do(http.MethodGet, "/openapi.json", "", "", "Accept-Encoding",
		"identity"); a.header.Get("Content-Encoding") != "" {
		t.Errorf("it is compressed all the same: %v", a.header)
	}
}

func TestBrowsersAreToldToMakeNoMoreOfAnswersThanTheyAre(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, path := range []string{"/hello", "/nowhere", "/docs", "/v1/health"} {
		h := s.do(http.MethodGet, path, "", "").header
		if h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") ||
			h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s has %v", path, h)
		}
		if h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s demands TLS of a service that has none", path)
		}
	}
	tls := serve(t, &broker{}, nil, func(c *api.Config) { c.PublicURL = "https://api.example.com" })
	if tls.do(http.MethodGet, "/hello", "", "").header.Get("Strict-Transport-Security") == "" {
		t.Error("clients that use TLS are not told to go on with it")
	}
}

func TestThePageOfTheDocumentNeedsNoOtherHost(t *testing.T) {
	s := serve(t, &broker{}, nil)
	page := s.do(http.MethodGet, "/docs", "", "").want(200)
	if strings.Contains(page.body, "//") || strings.Contains(page.header.Get("Content-Security-Policy"), "http") {
		t.Errorf("the page refers to another host:\n%s", page.body)
	}
	for _, path := range []string{"/docs/start.js", "/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js",
		"/docs/assets/favicon-32x32.png"} {
		if !strings.Contains(page.body, path) {
			t.Errorf("the page does not use %s", path)
		}
		if a := s.do(http.MethodGet, path, "", "").want(200); len(a.body) < 50 {
			t.Errorf("%s is %q", path, a.body)
		}
	}
}

func TestTheAddressAloneLeadsPeopleAndProgramsOn(t *testing.T) {
	s := serve(t, &broker{}, nil)
	page := s.do(http.MethodGet, "/", "", "", "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8").want(200)
	if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Errorf("people get %s", page.header.Get("Content-Type"))
	}
	var links map[string]string
	s.do(http.MethodGet, "/", "", "", "Accept", "*/*").want(200).json(&links)
	if links["documentation"] != "/docs" {
		t.Errorf("programs get %v", links)
	}
	for name, path := range links {
		if name == "service" {
			continue
		}
		s.do(http.MethodGet, path, "", "").want(200)
		if !strings.Contains(page.body, `href="`+path+`"`) {
			t.Errorf("the page does not lead to %s", path)
		}
	}
}
