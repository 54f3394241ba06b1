package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/limit"
)

// clientsWith are one client, "shop", that has the keys.
func clientsWith(keys ...string) api.Clients { return api.Clients{"shop": {Keys: hashes(keys...)}} }

func TestKeysChangeUnderLoadWithoutARefusedRequest(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Clients = clientsWith("key 0") })
	var current atomic.Int64 // the key that clients use
	stop := make(chan struct{})
	var posters sync.WaitGroup
	var using [8]atomic.Int64 // the key of each poster's latest request; those before it are answered
	for i := range using {
		posters.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				using[i].Store(current.Load())
				key := "key " + string(rune('0'+using[i].Load()))
				if a := s.post("application/cloudevents+json", structured, "X-API-Key", key); a.status != http.StatusAccepted {
					t.Errorf("with %s the answer is %d", key, a.status)
					return
				}
			}
		})
	}
	for next := int64(1); next <= 5; next++ {
		old, fresh := "key "+string(rune('0'+next-1)), "key "+string(rune('0'+next))
		s.server.SetClients(clientsWith(old, fresh), "both")
		current.Store(next)
		s.eventually("every poster has the new key", func() bool {
			for i := range using {
				if using[i].Load() != next {
					return false
				}
			}
			return true
		})
		s.server.SetClients(clientsWith(fresh), fresh)
		s.post("application/cloudevents+json", structured, "X-API-Key", old).problem(401)
	}
	close(stop)
	posters.Wait()
	if health := s.do(http.MethodGet, "/v1/health", "", "").want(200).body; !strings.Contains(health,
		`"keys_version":"key 5"`) {
		t.Errorf("health does not tell the version of the keys: %s", health)
	}
}

func TestAnAPIThatHasNoClientsYetIsNotOpen(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Clients = api.Clients{} })
	s.post("application/cloudevents+json", structured).problem(401)
	s.server.SetClients(clientsWith("shop-key"), "1")
	s.post("application/cloudevents+json", structured, "X-API-Key", "shop-key").want(202)
}

func TestAKeyEndsWhenItExpires(t *testing.T) {
	keys := hashes("for ever", "ended", "soon")
	keys[1].Expires, keys[2].Expires = time.Now().Add(-time.Second), time.Now().Add(300*time.Millisecond)
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Clients = api.Clients{"shop": {Keys: keys}} })
	s.post("application/cloudevents+json", structured, "X-API-Key", "for ever").want(202)
	s.post("application/cloudevents+json", structured, "X-API-Key", "ended").problem(401)
	s.eventually("the third key has ended", func() bool {
		return s.post("application/cloudevents+json", structured, "X-API-Key", "soon").status == http.StatusUnauthorized
	})
	if time.Now().Before(keys[2].Expires) {
		t.Error("the key ended before its time")
	}
}

func TestAClientPostsOnlyTheTypesThatItIsBoundTo(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) {
		c.Clients = api.Clients{"shop": {Keys: hashes("shop-key"), Types: []string{"order.*", "note"}}}
	})
	for eventType, allowed := range map[string]bool{"order.created": true, "note": true, "notes": false, "orders": false} {
		body := strings.Replace(structured, "order.created", eventType, 1)
		a := s.post("application/cloudevents+json", body, "X-API-Key", "shop-key")
		if allowed {
			a.want(202)
			continue
		}
		if p := a.problem(403); !strings.HasSuffix(p.Type, "/type-not-allowed") || p.Errors[0].Pointer != "/type" {
			t.Errorf("%s is refused by %+v", eventType, p)
		}
	}
	batch := s.post("application/cloudevents-batch+json",
		"["+structured+","+strings.Replace(structured, "order.created", "admin.delete", 1)+"]", "X-API-Key", "shop-key")
	var got struct{ Accepted, Rejected int }
	if err := json.Unmarshal([]byte(batch.want(207).body), &got); err != nil || got.Accepted != 1 || got.Rejected != 1 {
		t.Errorf("of a batch: %s (%v)", batch.body, err)
	}
}

func TestAClientsOwnLimitHoldsInPlaceOfEverybodys(t *testing.T) {
	s := serve(t, &broker{}, nil, limited(1, time.Hour), func(c *api.Config) {
		c.Clients = api.Clients{"large": {Keys: hashes("large"), Rate: limit.Rate{Units: 3, Per: time.Hour}},
			"other": {Keys: hashes("other")}}
	})
	for key, want := range map[string]struct {
		posts  int
		policy string
	}{"large": {3, `"default";q=3;w=3600`}, "other": {1, `"default";q=1;w=3600`}} {
		for range want.posts {
			a := s.post("application/cloudevents+json", structured, "X-API-Key", key).want(202)
			if got := a.header.Get("RateLimit-Policy"); got != want.policy {
				t.Errorf("%s is told %s", key, got)
			}
		}
		s.post("application/cloudevents+json", structured, "X-API-Key", key).problem(429)
	}
}

func TestAClientMayHaveALimitWhereNobodyElseHas(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) {
		c.Clients = api.Clients{"small": {Keys: hashes("small"), Rate: limit.Rate{Units: 1, Per: time.Hour}},
			"other": {Keys: hashes("other")}}
	})
	s.post("application/cloudevents+json", structured, "X-API-Key", "small").want(202)
	s.post("application/cloudevents+json", structured, "X-API-Key", "small").problem(429)
	for range 5 {
		if a := s.post("application/cloudevents+json", structured, "X-API-Key", "other").want(202); a.header.Get(
			"RateLimit-Policy") != "" {
			t.Error("who has no limit is told of one")
		}
	}
}
