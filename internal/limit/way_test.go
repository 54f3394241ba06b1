package limit

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// way is how processes reach the store: it can be blocked, so that the store is down for them, and opened again.
type way struct {
	url string // of this end
	to  string

	mu    sync.Mutex
	ln    net.Listener
	conns []net.Conn
}

func newWay(t *testing.T, store string) *way {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	w := &way{to: u.Host}
	w.listen(t, "127.0.0.1:0")
	u.Host = w.ln.Addr().String()
	w.url = u.String()
	t.Cleanup(w.block)
	return w
}

func (w *way) listen(t *testing.T, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.ln = ln
	w.mu.Unlock()
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", w.to)
			if err != nil {
				from.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, from, to)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(to, from); to.Close() }()
			go func() { _, _ = io.Copy(from, to); from.Close() }()
		}
	}()
}

// block refuses new connections and breaks those that are open.
func (w *way) block() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ln.Close()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *way) open(t *testing.T) { w.listen(t, w.ln.Addr().String()) }
