//go:build faults

package faults

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// storeProxy is between a program and its store, DynamoDB or S3, and can break or hold their connections. DynamoDB
// Local itself is not killed, because it keeps its data in memory.
type storeProxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns map[net.Conn]bool
	held  chan struct{} // closed while data may flow
}

func newStoreProxy(t *testing.T, endpoint string) *storeProxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &storeProxy{Listener: ln, to: strings.TrimPrefix(endpoint, "http://"), conns: map[net.Conn]bool{},
		held: make(chan struct{})}
	close(p.held)
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close() // ends new connections
		p.cut()
	})
	return p
}

func (p *storeProxy) url() string { return "http://" + p.Addr().String() }

func (p *storeProxy) serve(client net.Conn) {
	defer hangUp(client)
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer hangUp(server)
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	go p.copy(server, client)
	p.copy(client, server)
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

func (p *storeProxy) copy(to, from net.Conn) {
	defer hangUp(to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		<-held
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hangUp closes a connection. The other side may have closed it before.
func hangUp(c net.Conn) { _ = c.Close() }

// cut breaks all connections. A write that was under way may have happened.
func (p *storeProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		hangUp(c)
	}
}

// hold stops all data for a while.
func (p *storeProxy) hold(ctx context.Context, d time.Duration) {
	held := make(chan struct{})
	p.mu.Lock()
	p.held = held
	p.mu.Unlock()
	pause(ctx, d)
	close(held)
}

// harm breaks and holds connections until ctx ends.
func (p *storeProxy) harm(ctx context.Context, r *rand.Rand) (cuts, holds int) {
	for pause(ctx, between(r, 500*time.Millisecond, 4*time.Second)) {
		if r.IntN(2) == 0 {
			cuts++
			p.cut()
		} else {
			holds++
			p.hold(ctx, between(r, 100*time.Millisecond, 2500*time.Millisecond))
		}
	}
	return cuts, holds
}
