package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

// store is one whose health can be asked for.
type store struct {
	err   error
	takes time.Duration
}

func (s store) Check(ctx context.Context) error {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.err
}

func (s store) Outcome(context.Context, event.Identity) (event.Outcome, bool, error) {
	return event.Outcome{}, false, s.err
}

type healthDocument struct {
	Status       string
	Dependencies map[string]struct {
		Status    string
		LatencyMS *float64 `json:"latency_ms"`
	}
}

func TestWithoutItsStoreTheServiceIsDegradedAndOnlyThoseRoutesFail(t *testing.T) {
	s := serve(t, &broker{}, store{err: errors.New("down")})
	for _, path := range []string{"/health/ready", "/v1/health"} {
		var h healthDocument
		s.do(http.MethodGet, path, "", "").want(200).json(&h)
		if h.Status != "degraded" || h.Dependencies["store"].Status != "unhealthy" ||
			h.Dependencies["database"].Status != "unhealthy" ||
			h.Dependencies["kafka"].Status != "healthy" || h.Dependencies["store"].LatencyMS == nil {
			t.Errorf("%s answers %+v", path, h)
		}
	}
	if p := s.do(http.MethodGet, "/v1/events/x", "", "").problem(503); !strings.HasSuffix(p.Type, "/store-unavailable") {
		t.Errorf("the outcome is %s", p.Type)
	}
	s.post("application/cloudevents+json", structured).want(202)
}

func TestWhatTheHandlersNeedIsToldWhereTheyRunInTheProcess(t *testing.T) {
	down := errors.New("down")
	checks := []api.Check{
		{Name: "payments", Check: func(context.Context) error { return nil }},
		{Name: "warehouse", Check: func(context.Context) error { return down }},
	}
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Checks = func() []api.Check { return checks } })
	var h struct {
		Status   string
		Handlers []struct{ Name, Status string }
	}
	s.do(http.MethodGet, "/v1/health", "", "").want(200).json(&h)
	if got := fmt.Sprint(h); got != "{degraded [{payments healthy} {warehouse unhealthy}]}" {
		t.Errorf("it answers %s", got)
	}
	if a := s.do(http.MethodGet, "/v1/health", "", "", "Accept", "application/xml").want(200); !strings.Contains(a.body,
		"<handlers><dependency><name>payments</name>") {
		t.Errorf("in XML it is %s", a.body)
	}
}

func TestWithoutKafkaTheServiceIsUnhealthyWhateverTheStoreIs(t *testing.T) {
	var h healthDocument
	s := serve(t, &broker{down: true}, store{err: errors.New("down")})
	s.do(http.MethodGet, "/v1/health", "", "").want(503).json(&h)
	if h.Status != "unhealthy" {
		t.Errorf("it is %s", h.Status)
	}
}

func TestWithoutAStoreThereIsNoneInTheAnswerAndOutcomesAre501(t *testing.T) {
	s := serve(t, &broker{}, nil)
	var h healthDocument
	s.do(http.MethodGet, "/v1/health", "", "").want(200).json(&h)
	if _, there := h.Dependencies["store"]; there || h.Status != "healthy" {
		t.Errorf("it answers %+v", h)
	}
	s.do(http.MethodGet, "/v1/events/x", "", "").problem(501)
}

func TestALookAtTheDependenciesIsBoundedAndShared(t *testing.T) {
	s := serve(t, &broker{}, store{takes: time.Minute})
	began := time.Now()
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if a, err := s.try(http.MethodGet, "/v1/health", "", ""); err != nil || a.status != http.StatusOK {
				t.Errorf("answered %d, %v", a.status, err)
			}
		})
	}
	all.Wait()
	// One look takes 1.5 s at the most; five one after the other would take 7.5 s.
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("five answers took %s", took)
	}
}
