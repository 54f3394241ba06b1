package main

import (
	"strings"
	"testing"
)

func TestStatusAsksForTheGroupThatItIsGiven(t *testing.T) {
	newBroker(t)
	for group, args := range map[string][]string{"event-processing-service-event-processor": nil, "a-stack-processor": {"--group", "a-stack-processor"}} {
		_, err := run(t, "", append([]string{"status"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "the lag of "+group+": GROUP_ID_NOT_FOUND") {
			t.Errorf("of %s, which is not there, it says %v", group, err)
		}
	}
}
