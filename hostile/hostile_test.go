//go:build hostile

package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var scale = func() int {
	if n, err := strconv.Atoi(os.Getenv("HOSTILE_SCALE")); err == nil && n > 0 {
		return n
	}
	return 1
}()

func TestStrangersGetNothingThrough(t *testing.T) {
	s := start(t)
	t.Run("no client runs a request on another's behalf", s.smuggle)
	t.Run("ambiguous framing ends the connection", s.framing)
	t.Run("numbers cost no more than their bytes", s.numbers)
	t.Run("memory is bounded", s.memory)
	t.Run("probes are answered while strangers connect and say nothing", s.silence)
	if got := s.answer(post("application/json", `{"type":"order.created"}`)); !strings.HasPrefix(got, "HTTP/1.1 202 ") {
		t.Errorf("after all of it an event is answered with %q", got)
	}
}

// smuggle hides a request in the body of another, behind a proxy that shares its connections among clients.
func (s *target) smuggle(t *testing.T) {
	between := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: s.scheme, Host: s.address})
	between.Transport = &http.Transport{TLSClientConfig: unverified}
	proxy := httptest.NewServer(between)
	defer proxy.Close()
	const secret = "the-secret-of-another"
	wrong := 0
	for i := range 40 * scale {
		method := []string{"PURGE", "FOO", "get", "PROPFIND", "TRACE", "PUT"}[i%6]
		trap := "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nce-specversion: 1.0\r\nce-id: trap\r\n" +
			"ce-source: /trap\r\nce-type: trap\r\nContent-Length: 120\r\n\r\n"
		body := strings.Repeat("x", 8<<10) + trap
		attacker, err := net.Dial("tcp", strings.TrimPrefix(proxy.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(attacker, "%s /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method,
			len(body), body)
		_ = attacker.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.Copy(io.Discard, attacker)
		attacker.Close()
		req, err := http.NewRequest(http.MethodGet, proxy.URL+"/hello", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			wrong++
		}
		resp.Body.Close()
	}
	taken := 0
	for _, r := range s.records() {
		if bytes.Contains(r.Value, []byte(secret)) {
			taken++
		}
	}
	t.Logf("requests of others that were stored as data: %d of %d, promised 0; wrong answers: %d", taken, 40*scale, wrong)
	if taken > 0 || wrong > 0 {
		t.Error("a client was answered, or stored, as another's request")
	}
}

func (s *target) framing(t *testing.T) {
	const hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
	requests := []string{
		"PURGE /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 32\r\n\r\n" + hello,
		"GET /hello HTTP/1.1\r\nHost : h\r\n\r\n" + hello,
		"GET /hello HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n" + hello,
		"GET /hello HTTP/1.1\r\n\r\n" + hello,
		"GET /hello HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n" + hello,
		"GET /hello HTTP/1.1\nHost: h\n\n" + hello,
		"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hello,
		"POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
			hello,
		"POST /hello HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hello,
	}
	run := 0
	for _, request := range requests {
		if got := s.answer(request); strings.Count(got, "HTTP/1.1 ") != 1 || strings.HasPrefix(got, "HTTP/1.1 2") {
			t.Errorf("%q is answered with %q", request, got)
			run++
		}
	}
	t.Logf("requests behind ambiguous ones that were run: %d of %d, promised 0", run, len(requests))
}

func (s *target) numbers(t *testing.T) {
	event := `{"specversion":"1.0","id":"1","source":"/s","type":"order.placed",` +
		`"data":{"order_id":"1","currency":"EUR","amount":%s}}`
	for name, body := range map[string]string{
		"a batch of exponents": "[" + strings.Repeat(fmt.Sprintf(event, "1e999999")+",", 99) +
			fmt.Sprintf(event, "1e999999") + "]",
		"a million digits": "[" + fmt.Sprintf(event, strings.Repeat("9", 1_000_000)) + "]",
		"a long fraction":  "[" + fmt.Sprintf(event, "0."+strings.Repeat("9", 900_000)+"e-9") + "]",
	} {
		before := s.cpu()
		got := s.answer(post("application/cloudevents-batch+json", body))
		took := s.cpu() - before
		// A microsecond a byte is ten times what a batch of small events takes; 100 ms are ten ticks of the clock that is
		// read.
		promised := 100*time.Millisecond + time.Duration(len(body))*time.Microsecond
		t.Logf("%s, %d KiB: %v of CPU, promised at most %v", name, len(body)>>10, took, promised)
		if took > promised || !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("%s: %v, answered with %.100q", name, took, got)
		}
	}
}

func (s *target) memory(t *testing.T) {
	const batch, one = "application/cloudevents-batch+json", "application/cloudevents+json"
	head := "GET /hello HTTP/1.1\r\nHost: h\r\n"
	hoard := func(unit string, size int) string {
		return `{"specversion":"1.0","id":"1","source":"/s","type":"order.placed","data":{"x":[` +
			strings.Repeat(unit+",", size/(len(unit)+1)) + unit + `]}}`
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(w, "["+strings.Repeat(" ", 64<<20)+"]")
	w.Close()
	for _, attack := range []struct {
		name  string
		many  int
		slow  bool // the answers are not read
		bytes string
	}{
		{"connections after 30 KB of headers", 4100, true,
			head + strings.Repeat("A: "+strings.Repeat("x", 997)+"\r\n", 30) + "\r\n"},
		{"connections after 7 KB of headers", 4100, true,
			head + strings.Repeat("A: "+strings.Repeat("x", 997)+"\r\n", 7) + "\r\n"},
		{"connections in the midst of 30 KB of headers", 4100, true,
			head + strings.Repeat("A: "+strings.Repeat("x", 997)+"\r\n", 30)},
		{"connections that asked for 50 large documents", 1000, true, strings.Repeat(get("/openapi.json"), 50)},
		{"connections that asked for the largest document", 1000, true,
			strings.Repeat(get("/docs/assets/swagger-ui-bundle.js"), 5)},
		{"connections that asked for 500 greetings", 1000, true, strings.Repeat(get("/hello"), 500)},
		{"connections that sent 100 bodies of 16 KiB", 1000, true,
			strings.Repeat(kept(post(one, "{"+strings.Repeat(" ", 16<<10)+"]")), 100)},
		{"connections that sent 20 bodies of 18 KB against a schema", 500, true,
			strings.Repeat(kept(post(one, hoard("{}", 18_000))), 20)},
		{"answers to batches of nothing, unread", 400, true,
			strings.Repeat(kept(post(batch, "["+strings.Repeat("{},", 999)+"{}]")), 20)},
		{"names of 4 MiB to be escaped", 8, false,
			post(one, `{"specversion":"1.0","id":"1","source":"/s","type":"t","`+strings.Repeat("<", 4<<20-200)+`":1}`)},
		{"bodies of 4 MiB against a schema", 8, false, post(one, hoard("{}", 4<<20-300))},
		{"data of 1 MiB against a schema", 8, false, post(one, hoard("{}", 1<<20-300))},
		{"data of 350 KiB against a schema", 24, false, post(one, hoard("{}", 350<<10))},
		{"bombs in a few bytes of zstd", 200, false,
			post(batch, "\x28\xb5\x2f\xfd\x00\x58"+strings.Repeat("\x02\x00\x10\x00", 31)+"\x01\x00\x00",
				"Content-Encoding", "zstd")},
		{"bombs in gzip", 32, false, post(batch, bomb.String(), "Content-Encoding", "gzip")},
		{"bodies that are announced and not sent", 500, true,
			strings.Replace(post(batch, strings.Repeat(" ", 200<<10)), "Content-Length: 204800", "Content-Length: 4000000", 1)},
	} {
		s.resetPeak()
		var all sync.WaitGroup
		var mu sync.Mutex
		var conns []net.Conn
		places := make(chan struct{}, 64)
		for range attack.many * scale {
			places <- struct{}{}
			all.Go(func() {
				defer func() { <-places }()
				if !attack.slow {
					s.answer(attack.bytes)
					return
				}
				conn := s.send(attack.bytes)
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			})
		}
		all.Wait()
		failed, slowest := 0, time.Duration(0)
		for range 5 {
			asked := time.Now()
			if err := s.probe(); err != nil {
				t.Logf("a probe after %s: %v", attack.name, err)
				failed++
			}
			slowest = max(slowest, time.Since(asked))
		}
		peak := s.peak()
		t.Logf("%s, %d: %d MiB, promised at most %d; probes that failed: %d of 5, slowest %v", attack.name,
			attack.many*scale, peak>>20, taskMemory>>20, failed, slowest.Round(time.Millisecond))
		if peak > taskMemory || failed > 0 {
			t.Errorf("%s: %d MiB, %d probes failed", attack.name, peak>>20, failed)
		}
		for _, conn := range conns {
			conn.Close()
		}
		time.Sleep(500 * time.Millisecond) // the API sees that they are gone
	}
}

func (s *target) silence(t *testing.T) {
	var held []net.Conn
	for range 2000 { // beyond the bound
		held = append(held, s.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"))
	}
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		tick, n := time.NewTicker(time.Second/300), 0
		for ; ; <-tick.C {
			select {
			case <-stop:
				stopped <- n
				return
			default:
			}
			conn := s.send("")
			defer conn.Close()
			n++
		}
	}()
	failed, probes := 0, 30*scale
	for range probes {
		if err := s.probe(); err != nil {
			t.Logf("a probe: %v", err)
			failed++
		}
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	t.Logf("probes that failed while %d connections came and said nothing: %d of %d, promised 0", <-stopped,
		failed, probes)
	if failed > 0 {
		t.Errorf("%d of %d probes failed", failed, probes)
	}
	for _, conn := range held {
		conn.Close()
	}
}
