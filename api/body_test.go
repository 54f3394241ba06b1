package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"event-processing-service/api"
)

func packed(t *testing.T, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if coding == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withText is an event of so many bytes and some more, which compress as data does.
func withText(size int) string {
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, "%d bottles hang on the wall. ", i)
	}
	return strings.Replace(structured, `"as is"`, `"`+text.String()+`"`, 1)
}

func TestACompressedBodyIsAnEventLikeAnyOther(t *testing.T) {
	s := start(t)
	const ce = "application/cloudevents+json"
	for _, coding := range []string{"gzip", "zstd", "GZIP"} {
		s.post(ce, packed(t, strings.ToLower(coding), structured), "Content-Encoding", coding).want(202)
		s.post(ce, packed(t, strings.ToLower(coding), withText(800<<10)), "Content-Encoding", coding).want(202)
	}
	for _, r := range s.records(6) {
		if !strings.Contains(string(r.Value), "as is") && len(r.Value) < 800<<10 {
			t.Errorf("a record has the value %.100q", r.Value)
		}
	}
}

func TestWhatComesOutOfACompressedBodyIsBounded(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, coding := range []string{"gzip", "zstd"} {
		bomb := packed(t, coding, "["+strings.Repeat(" ", 200<<20)+"]")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.post("application/cloudevents-batch+json", bomb, "Content-Encoding", coding).problem(413)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
			t.Errorf("200 MiB in %s of %d KiB took %d MiB", coding, len(bomb)>>10, took>>20)
		}
	}
}

// Frames of nothing but zeros, as nobody's compressor writes them: 4 bytes are 128 KiB.
func zstdFrame(blocks int, end string) string {
	return "\x28\xb5\x2f\xfd\x00\x58" + strings.Repeat("\x02\x00\x10\x00", blocks) + end
}

func TestAFewBytesThatUnpackToManyAreRefusedForWhatTheyCost(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for name, attack := range map[string]struct {
		coding, body string
		status       int
	}{
		"broken at once":         {"zstd", packed(t, "zstd", structured)[:40], 400},
		"broken after 512 KiB":   {"zstd", zstdFrame(4, "\x07\x00\x00"), 413},
		"broken after 3 MiB":     {"zstd", zstdFrame(24, "\x07\x00\x00"), 413},
		"zeros in zstd":          {"zstd", zstdFrame(24, "\x01\x00\x00"), 413},
		"3 MiB of space in zstd": {"zstd", packed(t, "zstd", strings.Repeat(" ", 3<<20)), 413},
		"3 MiB of space in gzip": {"gzip", packed(t, "gzip", strings.Repeat(" ", 3<<20)), 413},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a := s.post("application/cloudevents-batch+json", attack.body, "Content-Encoding", attack.coding)
		a.problem(attack.status)
		runtime.ReadMemStats(&after)
		took := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s, %d bytes: %d KiB", name, len(attack.body), took>>10)
		if most := uint64(1<<20) + 200*uint64(len(attack.body)); took > most {
			t.Errorf("%s: %d bytes took %d KiB, at most %d are promised", name, len(attack.body), took>>10, most>>10)
		}
	}
}

func TestABodyOfLessThanItsBytesEndsAtTheLimitOfAllBodies(t *testing.T) {
	s := serve(t, &broker{}, nil)
	empty := packed(t, "gzip", "")
	many := strings.Repeat(empty, (4<<20)/len(empty)+1)
	s.post("application/cloudevents-batch+json", many, "Content-Encoding", "gzip").problem(413)
	chunked := io.MultiReader(strings.NewReader(many)) // its length is not known
	req, err := http.NewRequest(http.MethodPost, s.url+"/v1/events", chunked)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("members of nothing, in chunks, are answered with %s", resp.Status)
	}
}

func TestABrokenOrUnknownContentEncodingIsRefused(t *testing.T) {
	s := serve(t, &broker{}, nil)
	const ce = "application/cloudevents+json"
	for _, coding := range []string{"gzip", "zstd"} {
		good := packed(t, coding, structured)
		s.post(ce, structured, "Content-Encoding", coding).problem(400)
		s.post(ce, good[:len(good)-5], "Content-Encoding", coding).problem(400)
		s.post(ce, good+"more", "Content-Encoding", coding).problem(400)
	}
	for _, coding := range []string{"br", "deflate", "gzip, gzip", strings.Repeat("x", 9000)} {
		a := s.post(ce, structured, "Content-Encoding", coding)
		if a.problem(415); a.header.Get("Accept-Encoding") != "gzip, zstd, identity" {
			t.Errorf("%.20s: Accept-Encoding is %q", coding, a.header.Get("Accept-Encoding"))
		}
	}
	s.post(ce, structured, "Content-Encoding", "identity").want(202)
}

func TestUTF8GoesByTheNamesThatAreInUseForIt(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, charset := range []string{"utf-8", "UTF-8", "utf8", `"utf8"`} {
		s.post("application/json; charset="+charset, `{"type":"order.created"}`).want(202)
	}
	s.post("application/json; charset=latin1", `{"type":"order.created"}`).problem(415)
}

func TestADecoderTakesRoomAsABodyDoes(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxBufferedBytes = 1 << 20 })
	for _, coding := range []string{"gzip", "zstd"} {
		s.post("application/cloudevents+json", packed(t, coding, structured), "Content-Encoding", coding).want(202)
		s.post("application/cloudevents+json", packed(t, coding, withText(800<<10)), "Content-Encoding", coding).problem(503)
	}
}
