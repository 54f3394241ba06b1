//go:build faults

package faults

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestARollOutDropsNoRequest(t *testing.T) {
	c := &cluster{t: t, brokers: need(t, "FAULT_BROKERS")}
	c.client = adminOf(t, c.brokers)
	r := newRandom(t)
	const topic = "faults-rollout"
	makeTopics(t, c.client, 6, topic)
	// The delay is longer than several readiness checks, so that the balancer has moved on before a connection is
	// refused.
	env := []string{"KAFKA_BOOTSTRAP_SERVERS=" + c.brokers, "KAFKA_TOPIC=" + topic, "DRAIN_DELAY=1s"}
	apis := []*apiProcess{newAPI(t, "api 1", env...), newAPI(t, "api 2", env...)}
	b := newBalancer(t, apis...)

	l := &load{
		run: "d", source: "/faults", targets: []string{b.URL},
		workers: 16, rate: 2 * loadRate(t), batches: true, ledger: newLedger(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), min(faultTime(t), 40*time.Second))
	defer cancel()
	rolls := 0
	var rolling sync.WaitGroup
	rolling.Go(func() {
		for n := 0; pause(ctx, 500*time.Millisecond); n++ { // one after the other, as a rolling update does
			a := apis[n%len(apis)]
			if err := a.stop(syscall.SIGTERM); err != nil {
				t.Errorf("%s, terminated, ended with: %v", a.name, err)
			}
			a.start()
			await(t, 30*time.Second, a.name+" to be ready", a.ready)
			pause(ctx, 2*probeInterval)
			rolls++
		}
	})
	l.drive(ctx, r)
	rolling.Wait()

	result := takeCensus(l.ledger, readTopic(t, c.brokers, c.client, topic))
	t.Logf("processes replaced %d times; answers by status: %v", rolls, l.statuses)
	t.Log(result)
	for _, f := range result.faults {
		t.Error(f)
	}
	if rolls < 2 || l.statuses[202] == 0 {
		t.Errorf("only %d roll-outs under %d requests", rolls, l.statuses[202])
	}
	for status, n := range l.statuses {
		if status/100 != 2 {
			t.Errorf("%d requests were answered with %d", n, status)
		}
	}
	if err := b.failed.Load(); err != nil {
		t.Errorf("the first request that a process dropped: %v", *err)
	}
}
