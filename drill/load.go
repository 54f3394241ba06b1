package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

const (
	drillSource = "/drill"
	idPrefix    = "order-"
	keys        = 7
)

// load posts an event every few milliseconds until it is stopped, and remembers those that were accepted.
type load struct {
	url         string
	began       time.Time
	done, ended chan struct{}

	mu       sync.Mutex
	accepted map[string]receipt
}

func startLoad(url string) *load {
	l := &load{url: url, began: time.Now(), done: make(chan struct{}), ended: make(chan struct{}),
		accepted: map[string]receipt{}}
	go l.run()
	return l
}

func (l *load) run() {
	defer close(l.ended)
	client := http.Client{Timeout: 5 * time.Second}
	for n := 0; ; n++ {
		select {
		case <-l.done:
			return
		case <-time.After(2 * time.Millisecond):
		}
		id := idPrefix + strconv.Itoa(n)
		if place, ok := post(&client, l.url, id, n); ok {
			l.mu.Lock()
			l.accepted[id] = receipt{place, time.Now()}
			l.mu.Unlock()
		}
	}
}

// post tells where an event lies that was accepted. Any other answer promises nothing.
func post(client *http.Client, url, id string, n int) (event.Place, bool) {
	body := fmt.Sprintf(`{"type":"drill.order","id":%q,"source":%q,"subject":"c-%d","data":{"n": %d.0}}`, id, drillSource,
		n%keys, n)
	resp, err := client.Post(url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		return event.Place{}, false
	}
	defer func() { _ = resp.Body.Close() }()
	var place struct {
		Topic     string
		Partition int32
		Offset    int64
	}
	err = json.NewDecoder(resp.Body).Decode(&place)
	return event.Place(place), err == nil && resp.StatusCode == http.StatusAccepted
}

// numberOf is the number that load gave an event.
func numberOf(id string) (n int, ours bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(id, idPrefix))
	return n, err == nil
}

// stop ends the load, and may be called again.
func (l *load) stop() (accepted map[string]receipt, lasted time.Duration) {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	<-l.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.accepted), time.Since(l.began)
}
