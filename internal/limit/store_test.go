package limit

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// answering is a store that says the same to whatever it is asked.
func answering(t *testing.T, reply string) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	text := []byte(reply) // here, where a test that counts what is allocated does not count yet
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := bufio.NewReader(conn).ReadByte(); err == nil {
					_, _ = conn.Write(text)
				}
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestAReplyThatAnnouncesMuchTakesNoMemory(t *testing.T) {
	for name, reply := range map[string]string{
		"a long list": "*1000000000\r\n", "lists in lists": strings.Repeat("*99999\r\n", 4000),
		"a long map":  "%500000000\r\n",
		"a long line": "+" + strings.Repeat("x", 8<<20), "a long text": "$8388608\r\n" + strings.Repeat("x", 8<<20),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := newRedis(Address{URL: "redis://" + answering(t, reply)}, nil, 2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if d, err := r.Take(context.Background(), "client", Rate{Units: 1, Per: time.Second}, 1); err == nil {
				t.Errorf("it is taken for %+v", d)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
				t.Errorf("%d bytes were allocated", got)
			}
		})
	}
}

func TestOnlyTheSchemeOfAStoreIsTranslated(t *testing.T) {
	for url, want := range map[string]string{
		"redis://valkey:6379":              "valkey:6379 ",
		"valkey://valkey:6379":             "valkey:6379 ",
		"valkeys://valkey.internal:6379":   "valkey.internal:6379 tls",
		"redis://:a-valkey-secret@h:6379":  "h:6379 a-valkey-secret",
		"valkey://:a-valkey-secret@h:6379": "h:6379 a-valkey-secret",
	} {
		a, err := ReadAddress(url)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRedis(a, nil)
		if err != nil {
			t.Fatal(err)
		}
		opts := r.client.(*redis.Client).Options()
		got := opts.Addr + " " + opts.Password
		if opts.TLSConfig != nil {
			got += "tls"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", url, got, want)
		}
		r.Close()
	}
}

func TestATimeThatLiesAheadOfTheClockCostsOneSpanAtMost(t *testing.T) {
	rate := Rate{Units: 10, Per: time.Second}
	_, d := decide(rate, time.Hour, 0, 1)
	if d.Allowed || d.Wait > 100*time.Millisecond || d.Remaining != 0 || d.Reset > time.Second {
		t.Errorf("with a clock that was put back by an hour it decides %+v", d)
	}
}

func TestInTheStoreATimeThatLiesAheadOfTheClockCostsOneSpanAtMost(t *testing.T) {
	url, client := store(t), "ahead "+time.Now().String()
	r := redisAt(t, url)
	if err := r.client.Set(t.Context(), "rate-limit:2:"+client, "9000000000000000", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	d, err := r.Take(t.Context(), client, Rate{Units: 10, Per: time.Second}, 1)
	if err != nil || d.Allowed || d.Wait > 100*time.Millisecond || d.Remaining != 0 || d.Reset > time.Second {
		t.Errorf("with a clock that was put back it decides %+v, %v", d, err)
	}
}

func TestInTheStoreAUnitThatTakesLittleMoreThanAMicrosecondIsNotRounded(t *testing.T) {
	url, client := store(t), "fast "+time.Now().String()
	const units = 700_000
	r := redisAt(t, url)
	d, err := r.Take(t.Context(), client, Rate{Units: units, Per: time.Second}, units)
	if err != nil || !d.Allowed || d.Remaining > units/100 || d.Reset < 950*time.Millisecond ||
		d.Reset > 1050*time.Millisecond {
		t.Errorf("all of a second's units take %+v, %v", d, err)
	}
}
