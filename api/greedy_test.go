package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/limit"
)

// It takes 20 s and a machine that does nothing else: GREEDY=1 go test ./api -run Greedy -v
func TestGreedyClientsDoNotSlowDownOneWithinItsLimit(t *testing.T) {
	if os.Getenv("GREEDY") == "" {
		t.Skip("a measurement: set GREEDY=1 on a quiet machine")
	}
	const greedy, allowed, sent = 64, 10, 40 // posts a second of each: four times what it may
	s := start(t, func(c *api.Config) {
		c.Rate = limit.Rate{Units: allowed, Per: time.Second}
		c.Limiter = limit.NewMemory(c.Rate)
		c.Keys = api.Keys{"modest": {sha256.Sum256([]byte("modest"))}}
		for i := range greedy {
			name := fmt.Sprint("greedy-", i)
			c.Keys[name] = [][sha256.Size]byte{sha256.Sum256([]byte(name))}
		}
	})
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = greedy + 1
	alone := s.modest(8 * time.Second)

	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var accepted, refused atomic.Int64
	for i := range greedy {
		all.Go(func() {
			tick := time.NewTicker(time.Second / sent)
			defer tick.Stop()
			for ctx.Err() == nil {
				switch s.quick(fmt.Sprint("greedy-", i)) {
				case http.StatusAccepted:
					accepted.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				}
				<-tick.C
			}
		})
	}
	crowded := s.modest(8 * time.Second)
	stop()
	all.Wait()
	t.Logf("p99 of the modest client: %s alone, %s among %d greedy ones (%d posts accepted, %d refused)", alone, crowded, greedy, accepted.Load(), refused.Load())
	if refused.Load() == 0 || crowded > alone*3/2 {
		t.Errorf("the greedy raise its p99 from %s to %s", alone, crowded)
	}
}

// modest posts 9 events a second, within its limit, and returns the p99.
func (s *service) modest(span time.Duration) time.Duration {
	var took []time.Duration
	tick := time.NewTicker(time.Second / 9)
	defer tick.Stop()
	for end := time.Now().Add(span); time.Now().Before(end); <-tick.C {
		began := time.Now()
		if status := s.quick("modest"); status != http.StatusAccepted {
			s.t.Errorf("the modest client is answered with %d", status)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// quick is do without looking at the answer.
func (s *service) quick(key string) int {
	req, err := http.NewRequest(http.MethodPost, s.url+"/v1/events", strings.NewReader(structured))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("X-API-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
