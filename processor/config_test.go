package processor

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTheDefaultConfigurationIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryProblemOfAConfigurationIsReported(t *testing.T) {
	for want, breakIt := range map[string]func(*Config){
		"max attempts must be 1 to 1000, not 0":    func(c *Config) { c.MaxAttempts = 0 },
		"max attempts must be 1 to 1000, not 1001": func(c *Config) { c.MaxAttempts = 1001 },
		"attempt timeout must be above 0, not 0s":  func(c *Config) { c.AttemptTimeout = 0 },
		"backoff base must be above 0, not -1ns":   func(c *Config) { c.BackoffBase = -1 },
		"backoff cap must be at least the base of 100ms, not 1ms": func(c *Config) {
			c.BackoffBase,
				c.BackoffCap = 100*time.Millisecond, time.Millisecond
		},
		"margin must be above 0, not 0s":        func(c *Config) { c.Margin = 0 },
		"concurrency must be 1 to 10000, not 0": func(c *Config) { c.Concurrency = 0 },
		"dead letter topic must not be empty":   func(c *Config) { c.DeadLetterTopic = "" },
	} {
		c := DefaultConfig()
		breakIt(&c)

		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("problem is %v, want %s", err, want)
		}
	}
	_, err := New(Config{}, &Mux{}, nil, nil, slog.Default())
	if err == nil || strings.Count(err.Error(), " must ") != 6 {
		t.Errorf("the empty configuration gives %v, want six problems", err)
	}
}
