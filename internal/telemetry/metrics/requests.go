package metrics

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests times requests. It finds the histogram of a route and status in a map that is replaced when there is a new
// one, a few dozen times in a process's life: looking it up by its labels' text costs several times as much.
type Requests struct {
	m     *Metrics
	known atomic.Pointer[map[requestKey]prometheus.Observer]
	mu    sync.Mutex // who replaces known
}

type requestKey struct {
	method, route string
	status        int
}

// Requests returns the recorder of requests. One is enough.
func (m *Metrics) Requests() *Requests {
	r := &Requests{m: m}
	r.known.Store(&map[requestKey]prometheus.Observer{})
	return r
}

// Begin counts a request that comes in.
func (r *Requests) Begin() { r.m.active.Inc() }

// End counts its answer. method is one of HTTP's own or "_OTHER", route a template; both must outlive the request.
func (r *Requests) End(method, route string, status int, took time.Duration) {
	r.m.active.Dec()
	key := requestKey{method, route, status}
	observer, ok := (*r.known.Load())[key]
	if !ok {
		observer = r.learn(key)
	}
	observer.Observe(took.Seconds())
}

func (r *Requests) learn(key requestKey) prometheus.Observer {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.known.Load()
	next := make(map[requestKey]prometheus.Observer, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	next[key] = r.m.requests.WithLabelValues(key.method, key.route, strconv.Itoa(key.status))
	r.known.Store(&next)
	return next[key]
}
