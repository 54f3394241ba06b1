package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

type dependencyOf struct {
	Publisher
	Outcomes
	err error
}

func (d *dependencyOf) Check(context.Context) error { return d.err }

func TestTheLogTellsOnceWhyADependencyIsIllAndOnceThatItIsWell(t *testing.T) {
	var log bytes.Buffer
	kafka, store := &dependencyOf{}, &dependencyOf{}
	h := newHealth(Config{Version: "test"}, kafka, store, slog.New(slog.NewTextHandler(&log, nil)))
	for i, step := range []struct {
		err       error
		ill, well int
	}{{nil, 0, 0}, {errors.New("no route"), 1, 0}, {errors.New("no route"), 1, 0}, {nil, 1, 1}, {nil, 1, 1}} {
		kafka.err, store.err = step.err, step.err
		h.at = time.Time{} // what was seen is too old
		h.look(t.Context())
		for _, name := range []string{"kafka", "store"} {
			ill := strings.Count(log.String(), `"dependency is unhealthy" dependency=`+name+` error="no route"`)
			well := strings.Count(log.String(), `"dependency is healthy again" dependency=`+name)
			if ill != step.ill || well != step.well {
				t.Errorf("step %d: %s is told %d times to be ill and %d times to be well:\n%s", i, name, ill, well, &log)
			}
		}
	}
}

func TestOverloadIsLoggedOnceASecondAndFailuresEachTimeWithTheirCause(t *testing.T) {
	var log bytes.Buffer
	s := New(Config{}, nil, nil, slog.New(slog.NewTextHandler(&log, nil)))
	s.app.Get("/busy", func(*fiber.Ctx) error { return newProblem(overloaded, overloaded.Detail) })
	s.app.Get("/down", func(*fiber.Ctx) error {
		p := newProblem(storeUnavailable, storeUnavailable.Detail)
		p.cause = errors.New("no such table")
		return p
	})
	ask := func(path string) {
		resp, err := s.app.Test(httptest.NewRequest(http.MethodGet, path, nil))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s is answered with %d", path, resp.StatusCode)
		}
	}
	began := time.Now()
	for range 50 {
		ask("/busy")
		ask("/down")
	}
	most := int(time.Since(began)/time.Second) + 2
	if n := strings.Count(log.String(), "problem=overloaded"); n == 0 || n > most {
		t.Errorf("overload is logged %d times in %s", n, time.Since(began))
	}
	if n := strings.Count(log.String(), `error="no such table"`); n != 50 {
		t.Errorf("the cause of a failure is logged %d times of 50", n)
	}
}

func TestTheAccessLogHasNoNegativeSize(t *testing.T) {
	var log bytes.Buffer
	s := New(Config{AccessLogOneIn: 1}, nil, nil, slog.New(slog.NewTextHandler(&log, nil)))
	resp, err := s.app.Test(httptest.NewRequest(http.MethodGet, "/hello", nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.Contains(log.String(), "request_bytes=0") {
		t.Errorf("the line is %s", &log)
	}
}

func TestAnIdleConnectionIsKeptForLessTimeWhileManyAreOpen(t *testing.T) {
	l := &boundedListener{most: 4, idle: 10 * time.Second}
	for open, want := range map[int64]time.Duration{2: idleTime, 3: 10 * time.Second} {
		l.open.Store(open)
		conn := &deadlines{}
		c := &clientConn{Conn: conn, from: l}
		if err := c.SetReadDeadline(time.Now().Add(idleTime)); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Read(nil)
		if got := time.Until(conn.read); got > want || got < want-5*time.Second {
			t.Errorf("with %d of 4 open it is kept for %s, want %s", open, got, want)
		}
	}
}

type deadlines struct {
	net.Conn
	read time.Time
	told int // how often it was set
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = t; d.told++; return nil }

func (d *deadlines) Read([]byte) (int, error) { return 0, io.EOF }

func TestAConnectionHearsOfADeadlineWhenItMatters(t *testing.T) {
	start := time.Now()
	conn := &deadlines{}
	c := &clientConn{Conn: conn, from: &boundedListener{most: 4}}
	for i, step := range []struct {
		deadline time.Duration
		told     int
	}{
		{75 * time.Second, 1},
		{75*time.Second + 999*time.Millisecond, 1},
		{76 * time.Second, 2},
		{30 * time.Second, 3}, // an earlier one at once
	} {
		if err := c.SetReadDeadline(start.Add(step.deadline)); err != nil {
			t.Fatal(err)
		}
		if i == 0 && conn.told != 0 {
			t.Error("the connection hears of a deadline that nothing waits for")
		}
		_, _ = c.Read(nil)
		if conn.told != step.told {
			t.Errorf("after a deadline of %s it was told %d times, want %d", step.deadline, conn.told, step.told)
		}
	}
	if !conn.read.Equal(start.Add(30 * time.Second)) {
		t.Errorf("it has %s", conn.read.Sub(start))
	}
}

func TestAnAnswerCountsUntilItIsWrittenAndManyHoldUpBatches(t *testing.T) {
	s := New(Config{MaxBufferedBytes: 200}, nil, nil, slog.New(slog.DiscardHandler))
	conn := &clientConn{Conn: &deadlines{}, from: &boundedListener{load: &s.load}}
	conn.answer.Add(101)
	s.load.answers.Add(101)
	if _, err := s.admitBatch(1); err == nil {
		t.Error("a batch is taken while half of what may be held is answers")
	}
	conn.answerWritten()
	conn.answerWritten() // as where it is closed, too
	if release, err := s.admitBatch(1); err != nil || s.load.answers.Load() != 0 {
		t.Errorf("after it is written: %v, %d bytes", err, s.load.answers.Load())
	} else {
		release()
	}
}

func TestSharesOfMemoryAreThoseOfTheTask(t *testing.T) {
	before := debug.SetMemoryLimit(288 << 20)
	defer debug.SetMemoryLimit(before)
	c := Config{}.withDefaults()
	if c.MaxConnections != 691 || c.MaxBufferedBytes != 36<<20 {
		t.Errorf("%d connections and %d MiB of bodies in 288 MiB", c.MaxConnections, c.MaxBufferedBytes>>20)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if c = (Config{}).withDefaults(); c.MaxConnections != 4096 || c.MaxBufferedBytes != 64<<20 {
		t.Errorf("%d connections and %d MiB of bodies where nothing bounds memory", c.MaxConnections, c.MaxBufferedBytes>>20)
	}
}

// On one processor a request for health is behind those that could run before it, and not behind all that wait for a
// turn as well.
func TestNoQueueForTurnsIsServedBeforeOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	l := load{turns: make(chan struct{}, 1)}
	first := turn{load: &l}
	if err := first.begin(); err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			mine := turn{load: &l}
			mine.resume()
			served.Add(1)
			mine.end()
		})
	}
	time.Sleep(50 * time.Millisecond) // all wait
	before := make(chan int64, 1)
	go func() { before <- served.Load() }()
	first.end()
	all.Wait()
	if n := <-before; n > 2 {
		t.Errorf("%d of 50 had their turn before it", n)
	}
}
