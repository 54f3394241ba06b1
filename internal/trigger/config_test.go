package trigger

import (
	"strings"
	"testing"
	"time"
)

func validConfig() Config { return Config{Topic: "events", ConsumerGroup: "processor"} }

func TestConfigNeedsOnlyATopicAndAGroup(t *testing.T) {
	if err := validConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"Topic":           func(c *Config) { c.Topic = "" },
		"ConsumerGroup":   func(c *Config) { c.ConsumerGroup = strings.Repeat("g", 201) },
		"BatchSize":       func(c *Config) { c.BatchSize = 10_001 },
		"BatchWindow":     func(c *Config) { c.BatchWindow = 301 * time.Second },
		"MaxPayloadBytes": func(c *Config) { c.MaxPayloadBytes = 6<<20 + 1 },
		"FunctionTimeout": func(c *Config) { c.FunctionTimeout = 15 * time.Minute },
		"RetryBackoff":    func(c *Config) { c.RetryBackoff, c.MaxRetryBackoff = 2, 1 },
		"ShutdownGrace":   func(c *Config) { c.ShutdownGrace = time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			c := validConfig()
			change(&c)
			err := c.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), name+": ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			if _, err := New(c, nil); err == nil {
				t.Error("New took it")
			}
		})
	}
}

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	err := Config{BatchSize: -1}.Validate()
	for _, want := range []string{"Topic: ", "ConsumerGroup: ", "BatchSize: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}
