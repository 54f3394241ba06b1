package api

import (
	"log/slog"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// The bundle of the documentation's page is 1.4 MB and unpacked from the binary. That, and compressing it, took 35
// to 50 ms.
func TestADocumentIsUnpackedAndCompressedOnceHoweverOftenItIsAskedFor(t *testing.T) {
	s := New(Config{}, instantly{}, nil, slog.New(slog.DiscardHandler))
	const many, most = 200, 10 // a document has a few headers more than a greeting
	greeting := timeOf(t, s, "/hello", "", many)
	for _, path := range []string{
		"/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css", "/openapi.json", "/openapi.yaml", "/docs",
	} {
		for _, coding := range []string{"", "gzip", "deflate", "br, gzip;q=0.5"} {
			timeOf(t, s, path, coding, 1) // the first makes it
			took := timeOf(t, s, path, coding, many)
			if ratio := float64(took) / float64(greeting); ratio > most {
				t.Errorf("%s with %q costs %v, %.0f times a greeting; at most %d are promised", path, coding, took, ratio, most)
			}
		}
	}
}

// timeOf is the least that one of so many requests takes.
func timeOf(t *testing.T, s *Server, path, coding string, many int) time.Duration {
	t.Helper()
	least := time.Hour
	for range many {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(path)
		ctx.Request.Header.SetHost("localhost")
		if coding != "" {
			ctx.Request.Header.Set(fasthttp.HeaderAcceptEncoding, coding)
		}
		began := time.Now()
		s.app.Handler()(&ctx)
		least = min(least, time.Since(began))
		if ctx.Response.StatusCode() != fasthttp.StatusOK {
			t.Fatalf("%s is answered with %d", path, ctx.Response.StatusCode())
		}
	}
	return least
}
