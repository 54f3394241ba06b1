//go:build faults

package faults

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// balancer sends each request to the next target that is ready, as a load balancer in front of tasks does. It never
// sends a request twice.
type balancer struct {
	*httptest.Server
	targets []*target
	next    atomic.Uint64
	failed  atomic.Pointer[error] // the first request that got no answer from a target
}

type target struct {
	api   *apiProcess
	proxy *httputil.ReverseProxy
	ready atomic.Bool
}

// probeInterval is the time between two readiness checks of a target.
const probeInterval = 200 * time.Millisecond

func newBalancer(t *testing.T, apis ...*apiProcess) *balancer {
	t.Helper()
	b := &balancer{}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for _, a := range apis {
		u, err := url.Parse(a.url)
		if err != nil {
			t.Fatal(err)
		}
		p := httputil.NewSingleHostReverseProxy(u)
		p.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
		p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			b.failed.CompareAndSwap(nil, &err)
			w.WriteHeader(http.StatusBadGateway)
		}
		one := &target{api: a, proxy: p}
		one.ready.Store(a.ready())
		b.targets = append(b.targets, one)
		go func() {
			for pause(ctx, probeInterval) {
				one.ready.Store(a.ready())
			}
		}()
	}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first := b.next.Add(1) // once per request: concurrent requests could make several draws return the same target
	for i := range b.targets {
		one := b.targets[(first+uint64(i))%uint64(len(b.targets))]
		if one.ready.Load() {
			one.proxy.ServeHTTP(w, r)
			return
		}
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}
