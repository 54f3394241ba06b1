package api_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
)

// encrypted is what the services of all tests listen with; nil: plain HTTP.
var encrypted *tls.Config

// encrypt lets the services of a test listen with TLS.
func encrypt(t *testing.T) {
	t.Helper()
	encrypted = api.Certified(t)
	transport := http.DefaultTransport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		encrypted, transport.TLSClientConfig = nil, nil
	})
}

// What bounds connections, times and framing lies above TLS, and must not be lost by it.
func TestWhatHoldsOfPlainConnectionsHoldsOfEncryptedOnes(t *testing.T) {
	encrypt(t)
	for name, test := range map[string]func(*testing.T){
		"health beyond the bound":        TestHealthIsToldBeyondTheBoundOnConnections,
		"probes among strangers":         TestProbesAreAnsweredWhileStrangersComeAndSayNothing,
		"a spare connection":             TestASpareConnectionThatSaysNothingIsClosedSoon,
		"a connection that lingers":      TestAConnectionThatLingersCountsUntilItIsClosed,
		"RFC 9112":                       TestWhatRFC9112DemandsOfAServer,
		"what is left of a request":      TestNoAnswerLeavesPartOfItsRequestToBeRunAsTheNext,
		"a client that stops":            TestAClientThatStopsWithinAChunkIsToldThatItIsTooSlow,
		"behind chunks":                  TestNothingIsRunBehindABodyInChunks,
		"a large head":                   TestALargeHeadEndsItsConnectionSoThatNoIdleOneKeepsIt,
		"draining":                       TestWhileItDrainsEachAnswerEndsItsConnection,
		"a request that trickles":        TestARequestThatTricklesIsCut,
		"broken framing":                 TestBrokenFramingIsAProblemAndEndsTheConnection,
		"what is left of a body":         TestWhatIsLeftOfABodyIsNotTakenForARequest,
		"many requests in flight":        TestBeyondTheRequestsInFlightTheAnswerIs503AtOnceAndHealthIsTold,
		"large bodies":                   TestLargeBodiesLeaveRoomForSmallPosts,
		"a body that grows":              TestABodyThatGrowsBeyondTheLimitIsRefusedWhereItDoes,
		"requests at the end":            TestSIGTERMLetsRequestsFinishAndSaysNotReadyFirst,
		"what a client is told of HTTPS": TestBehindCloudFrontLinksAreHTTPSAndTheRequestIdIsTheClients,
	} {
		t.Run(name, test)
	}
}

func TestAnEncryptedConnectionBeyondTheBoundIsAnswered503(t *testing.T) {
	encrypt(t)
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 1 })
	first := s.connect()
	s.greet(first)
	if got := s.once("GET /hello"); !strings.HasPrefix(got, "HTTP/1.1 503 ") ||
		!strings.Contains(got, "https://h/docs/problems/overloaded") {
		t.Errorf("answered %q", got)
	}
	first.Close()
	s.eventually("open for the next", func() bool { return strings.HasPrefix(s.once("GET /hello"), "HTTP/1.1 200 ") })
}

// A client that is not told that no more comes could take its answer for cut off. Go's own takes any end for good, so
// the records themselves are looked at, of a version that shows of which kind they are.
func TestAnEncryptedAnswerEndsWholeThoughItsRequestWasNotReadToItsEnd(t *testing.T) {
	encrypt(t)
	s := serve(t, &broker{}, nil)
	wire, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	heard := &heard{Conn: wire}
	conn := tls.Client(heard, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	_, _ = io.WriteString(conn, eventHead+"Content-Length: 900000000\r\n\r\n"+strings.Repeat(" ", 200_000))
	if got := readAll(t, conn); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("answered %q", got)
	}
	const header, alert = 5, 21
	last := byte(0)
	for rest := heard.all; len(rest) > header; rest = rest[header+int(rest[3])<<8+int(rest[4]):] {
		last = rest[0]
	}
	if last != alert {
		t.Errorf("the last record is of kind %d, and no farewell", last)
	}
}

// heard keeps all that is read.
type heard struct {
	net.Conn
	all []byte
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.all = append(h.all, p[:n]...)
	return n, err
}

func TestPlainHTTPWhereTLSIsExpectedIsToldSo(t *testing.T) {
	encrypt(t)
	s := serve(t, &broker{}, nil)
	for _, request := range []string{"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
		eventHead + "Content-Length: 40000\r\n\r\n" + strings.Repeat(" ", 40000)} {
		got := plain(t, s, request)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "application/problem+json") ||
			!strings.Contains(got, "this port speaks HTTPS") {
			t.Errorf("%.20q is answered with %q", request, got)
		}
	}
	if got := plain(t, s, "\x00\x01\x02\x03\x04\x05"); strings.Contains(got, "HTTP") {
		t.Errorf("what is no HTTP either is answered with %q", got)
	}
}

func plain(t *testing.T, s *service, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return readAll(t, conn)
}

// A connection on which no handshake comes has no longer than one without a request.
func TestAHandshakeThatDoesNotComeIsCut(t *testing.T) {
	encrypt(t)
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.ReadTimeout = 200 * time.Millisecond })
	for name, sent := range map[string]string{"nothing": "", "half a record": "\x16\x03\x01\x02\x00\x01"} {
		began := time.Now()
		if got := plain(t, s, sent); got != "" || time.Since(began) > 3*time.Second {
			t.Errorf("%s: after %s it got %q", name, time.Since(began), got)
		}
	}
}

// Where the balancer says what its clients speak, this is what they speak.
func TestWhetherTheClientSpeaksTLSIsForTheBalancerToSay(t *testing.T) {
	encrypt(t)
	for name, test := range map[string]struct {
		trusted bool
		sent    string
		secure  bool
	}{
		"a client of its own": {false, "", true}, "a client that claims": {false, "http", true},
		"a balancer over HTTP": {true, "http", false}, "a balancer over HTTPS": {true, "https", true},
	} {
		s := serve(t, &broker{}, nil, func(c *api.Config) {
			if test.trusted {
				c.TrustedProxies = api.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		var headers []string
		if test.sent != "" {
			headers = []string{"X-Forwarded-Proto", test.sent}
		}
		a := s.do(http.MethodGet, "/hello", "", "", headers...).want(200)
		if got := a.header.Get("Strict-Transport-Security") != ""; got != test.secure {
			t.Errorf("%s is told to stay with HTTPS: %v, want %v", name, got, test.secure)
		}
	}
}

// The bound on connections is made of what each takes, and both of a connection's ends are in this process.
func TestAnEncryptedConnectionTakesNoMoreThanItIsCountedFor(t *testing.T) {
	const connections = 200
	request := "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n" + strings.Repeat(" ", 40000)
	held := func() int64 {
		s := serve(t, &broker{}, nil)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range connections {
			conn := s.connect()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		return (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / connections
	}
	without := held()
	encrypt(t)
	with := held()
	t.Logf("a connection takes %d KiB, encrypted %d KiB", without>>10, with>>10)
	if with-without > api.TLSMemory {
		t.Errorf("TLS takes %d bytes more of a connection, and is counted for %d", with-without, api.TLSMemory)
	}
}
