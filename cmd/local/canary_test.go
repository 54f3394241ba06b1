package main

import (
	"testing"
	"time"

	"event-processing-service/internal/canary"
)

// The canary's event has no handler and no schema: the processor takes it in each mode.
func TestTheCanarySeesAServiceThatWorks(t *testing.T) {
	for _, mode := range []string{"off", "enforce"} {
		url, _ := serveOn(t, freePort(t), "PROCESSOR_SCHEMAS", mode)
		r, err := canary.Check{URL: url, Deadline: 30 * time.Second}.Run(t.Context())
		if err != nil || r.Accepted <= 0 || r.Processed <= 0 {
			t.Errorf("with schemas %s: %+v, %v", mode, r, err)
		}
		t.Logf("with schemas %s: accepted after %s, processed after %s more", mode, r.Accepted, r.Processed)
	}
}
