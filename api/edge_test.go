package api_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

// from makes a client whose connections come from an address of this machine's own.
func from(address string) *http.Transport {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
}

// hop stands in for a proxy that asks the next one from an address, and appends whom it was asked by to
// X-Forwarded-For. sent are the headers that it sets besides, whatever came.
func hop(t *testing.T, next, address string, sent http.Header) string {
	t.Helper()
	to, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: from(address), Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host // and the Host header stays the client's
		asked, _, _ := net.SplitHostPort(r.In.RemoteAddr)
		r.Out.Header.Set("X-Forwarded-For", strings.Join(append(r.In.Header["X-Forwarded-For"], asked), ", "))
		for name, values := range sent {
			r.Out.Header[name] = values
		}
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

const (
	viewer, otherViewer = "127.0.0.2", "127.0.0.5"
	cdnInterface        = "127.0.0.3" // in the balancer's subnets, or one of AWS's list
	balancerAddress     = "127.0.0.4"
)

// behindCloudFront starts an API as a stack with edge.cdn does, and returns the address that clients know. The headers
// are those that CloudFront adds with AllViewer, and then an Application Load Balancer, which is asked by plain HTTP.
func behindCloudFront(t *testing.T, b *broker, change ...func(*api.Config)) string {
	t.Helper()
	stack := func(c *api.Config) {
		c.PublicURL = "https://d111111abcdef8.cloudfront.net"
		c.TrustedProxies = api.Proxies{netip.MustParsePrefix(cdnInterface + "/32"),
			netip.MustParsePrefix(balancerAddress + "/32")}
	}
	s := serve(t, b, outcomes{}, append([]func(*api.Config){stack}, change...)...)
	balancer := hop(t, s.url, balancerAddress, http.Header{"X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"80"},
		"X-Amzn-Trace-Id": {"Root=1-67891233-abcdef012345678912345678"}})
	return hop(t, balancer, cdnInterface, http.Header{
		"Via":         {"2.0 3d0e4b0b12ab3f9b2f0e1ab7d2c0f6b4.cloudfront.net (CloudFront)"},
		"X-Amz-Cf-Id": {"MnoPq8sT0kz8BVJg2hBDg8_2XW3iJ6Q2y9cH4b1mAxr8K1lHh8nP9Q=="}})
}

// ask sends a request from an address by way of CloudFront.
func ask(t *testing.T, cdn, address, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, cdn+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: from(address)}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return answer{t: t, status: resp.StatusCode, header: resp.Header, body: string(read)}
}

func TestBehindCloudFrontAndTheBalancerEachClientIsLimitedByItsOwnAddress(t *testing.T) {
	cdn := behindCloudFront(t, &broker{}, limited(1, time.Hour))
	ask(t, cdn, viewer, http.MethodGet, "/hello", "").want(200)
	ask(t, cdn, otherViewer, http.MethodGet, "/hello", "").want(200)
	ask(t, cdn, viewer, http.MethodGet, "/hello", "").want(429)
	// What a client says of itself stands left of what CloudFront says of it.
	ask(t, cdn, viewer, http.MethodGet, "/hello", "", "X-Forwarded-For", "192.0.2.99").want(429)
}

// Where the API believed the balancer alone, all clients would share CloudFront's limit: so the test above tells.
func TestWithoutCloudFrontAmongTheProxiesAllClientsAreOne(t *testing.T) {
	cdn := behindCloudFront(t, &broker{}, limited(1, time.Hour), func(c *api.Config) {
		c.TrustedProxies = api.Proxies{netip.MustParsePrefix(balancerAddress + "/32")}
	})
	ask(t, cdn, viewer, http.MethodGet, "/hello", "").want(200)
	ask(t, cdn, otherViewer, http.MethodGet, "/hello", "").want(429)
}

func TestBehindCloudFrontLinksAreHTTPSAndTheRequestIdIsTheClients(t *testing.T) {
	var stored []event.Event
	cdn := behindCloudFront(t, &broker{publish: func(events []event.Event) []event.Receipt {
		stored = append(stored, events...)
		return make([]event.Receipt, len(events))
	}})
	a := ask(t, cdn, viewer, http.MethodPost, "/v1/events", `{"type":"order.created","data":{"n":1}}`,
		"X-Request-Id", "of-the-client-1").want(202)
	if got := a.header.Get("X-Request-Id"); got != "of-the-client-1" {
		t.Errorf("the request is called %q", got)
	}
	if got := a.header.Get("Location"); !strings.HasPrefix(got, "/v1/events/") {
		t.Errorf("the outcome is at %q", got)
	}
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("a browser is not told to stay with HTTPS, though the client speaks it")
	}
	if len(stored) != 1 {
		t.Fatalf("%d events are stored", len(stored))
	}
	var p problemDocument
	ask(t, cdn, viewer, http.MethodGet, "/nowhere", "").want(404).json(&p)
	if !strings.HasPrefix(p.Type, "https://d111111abcdef8.cloudfront.net/docs/problems/") {
		t.Errorf("the problem is explained at %q", p.Type)
	}
	if p.RequestID == "" {
		t.Error("the problem has no request id")
	}
}

// The firewall before a stack answers it, and not this service (stack/waf.go, whose test compares the words).
func TestTheProblemOfTheFirewallHasItsPageHere(t *testing.T) {
	s := serve(t, &broker{}, nil)
	if page := s.do(http.MethodGet, "/docs/problems/blocked", "", "").want(200).body; !strings.Contains(page, "firewall") {
		t.Errorf("the page says %q", page)
	}
	answered.Store("blocked", true)
}
