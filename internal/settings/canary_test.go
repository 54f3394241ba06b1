package settings_test

import (
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/settings"
)

func TestTheCanaryKnowsWhomToAskAndForHowLong(t *testing.T) {
	c, err := settings.LoadCanary(environment("CANARY_URL", "https://api.example.com/", "CANARY_KEY_SECRET", "x/canary",
		"CANARY_DEADLINE", "20s"))
	if want := (settings.Canary{URL: "https://api.example.com", KeySecret: "x/canary",
		Deadline: 20 * time.Second}); c != want || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if c, _ := settings.LoadCanary(environment("CANARY_URL", "http://localhost:5001")); c.Deadline != 45*time.Second {
		t.Errorf("unset, the deadline is %s", c.Deadline)
	}
	for want, pairs := range map[string][]string{
		"CANARY_URL: must be set":  nil,
		`CANARY_URL="api.example"`: {"CANARY_URL", "api.example"},
		`CANARY_DEADLINE="10m0s"`:  {"CANARY_URL", "https://a.example", "CANARY_DEADLINE", "10m0s"},
	} {
		if _, err := settings.LoadCanary(environment(pairs...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", pairs, err, want)
		}
	}
	if _, err := settings.LoadAPI(environment("CANARY_KEY_SECRET", "x/canary")); err == nil ||
		!strings.Contains(err.Error(), "CANARY_KEY_SECRET") {
		t.Errorf("an API that is open, with a canary's key: %v", err)
	}
}
