package limit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// store is the server that REDIS_URL names, such as redis://localhost:6379.
func store(t *testing.T) string {
	t.Helper()
	url := os.Getenv("REDIS_URL")
	if url == "" {
		t.Skip("needs Valkey or Redis: set REDIS_URL to its URL, such as redis://localhost:6379")
	}
	return url
}

// redisAt is a limiter of another process, as it were: nothing is shared with others but the store. It is patient, as a
// busy machine does not answer within what a request may wait.
func redisAt(t *testing.T, url string) *Redis {
	t.Helper()
	a, err := ReadAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRedis(a, nil, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestProcessesShareALimitThroughTheStore(t *testing.T) {
	url, client := store(t), fmt.Sprint("test ", time.Now().UnixNano())
	rate := Rate{Units: 100, Per: time.Hour}
	many(t, redisAt(t, url), rate, client)
	d, err := redisAt(t, url).Take(context.Background(), client, rate, 1)
	if err != nil || d.Allowed || d.Wait <= 0 || d.Wait > 36*time.Second || d.Reset < 59*time.Minute {
		t.Errorf("another process: %+v, %v", d, err)
	}
}

func TestTheStoreDecidesAsTheProcessDoes(t *testing.T) {
	url, client := store(t), fmt.Sprint("test ", time.Now().UnixNano())
	rate := Rate{Units: 10, Per: time.Hour}
	r, m := redisAt(t, url), NewMemory()
	for _, n := range []int{3, 4, 5, 3, 1} {
		got, err := r.Take(context.Background(), client, rate, n)
		want, _ := m.Take(context.Background(), client, rate, n)
		if err != nil || got.Allowed != want.Allowed || got.Remaining != want.Remaining ||
			(got.Wait-want.Wait).Abs() > time.Second {
			t.Errorf("take %d: the store says %+v (%v), the process %+v", n, got, err, want)
		}
	}
}

// shared is the limit of the test with processes of their own.
var shared = Rate{Units: 100, Per: time.Hour}

// TestTakesOfAProcess is one process of the test below it.
func TestTakesOfAProcess(t *testing.T) {
	client := os.Getenv("LIMIT_TEST_CLIENT")
	if client == "" {
		t.Skip("runs as a child of the next test")
	}
	r, allowed := redisAt(t, store(t)), 0
	for range shared.Units {
		d, err := r.Take(context.Background(), client, shared, 1)
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed {
			allowed++
		}
	}
	fmt.Printf("allowed %d\n", allowed)
}

func TestTwoProcessesAtOnceGetNoMoreThanOneLimit(t *testing.T) {
	store(t)
	client := fmt.Sprint("test ", time.Now().UnixNano())
	var children [2]*exec.Cmd
	var outputs [len(children)]bytes.Buffer
	for i := range children {
		children[i] = exec.Command(os.Args[0], "-test.run=^TestTakesOfAProcess$", "-test.v")
		children[i].Env = append(os.Environ(), "LIMIT_TEST_CLIENT="+client)
		children[i].Stdout, children[i].Stderr = &outputs[i], &outputs[i]
		if err := children[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i, child := range children {
		if err := child.Wait(); err != nil {
			t.Fatalf("process %d: %v\n%s", i, err, &outputs[i])
		}
		_, after, _ := strings.Cut(outputs[i].String(), "allowed ")
		number, _, _ := strings.Cut(after, "\n")
		allowed, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("process %d says %q", i, &outputs[i])
		}
		total += allowed
	}
	if total != shared.Units {
		t.Errorf("both together were allowed %d, want %d", total, shared.Units)
	}
}

func TestALimitIsEachProcessesOwnWhileTheStoreIsDownAndSharedAgainWhenItIsBack(t *testing.T) {
	way := newWay(t, store(t))
	client, rate := fmt.Sprint("test ", time.Now().UnixNano()), Rate{Units: 4, Per: time.Hour}
	var log bytes.Buffer
	process := func() *Fallback {
		return NewFallback(redisAt(t, way.url), NewMemory(), slog.New(slog.NewTextHandler(&log, nil)))
	}
	first, second := process(), process()
	taken := func(f *Fallback) (n int) {
		for range rate.Units + 1 {
			d, err := f.Take(context.Background(), client, rate, 1)
			if err != nil {
				t.Fatal(err)
			}
			if d.Allowed {
				n++
			}
		}
		return n
	}
	if a, b := taken(first), taken(second); a != rate.Units || b != 0 {
		t.Fatalf("with the store the one was allowed %d and the other %d, want %d and 0", a, b, rate.Units)
	}
	way.block()
	if a, b := taken(first), taken(second); a != rate.Units || b != rate.Units {
		t.Errorf("without the store the one was allowed %d and the other %d, want %d each", a, b, rate.Units)
	}
	way.open(t)
	time.Sleep(pause + 100*time.Millisecond)
	// What each took alone is not in the store, and what they had taken before still is.
	fresh := fmt.Sprint(client, " fresh")
	for i, f := range []*Fallback{first, second} {
		if d, err := f.Take(context.Background(), fresh, rate, 2); err != nil || !d.Allowed || d.Remaining != 2-2*i {
			t.Errorf("process %d, with the store back: %+v, %v", i, d, err)
		}
	}
	if d, err := first.Take(context.Background(), client, rate, 1); err != nil || d.Allowed {
		t.Errorf("what was taken before is forgotten: %+v, %v", d, err)
	}
	if down, back := strings.Count(log.String(), "store is down"),
		strings.Count(log.String(), "store is back"); down != 2 || back != 2 {
		t.Errorf("two processes told %d times that it is down and %d times that it is back:\n%s", down, back, &log)
	}
}
