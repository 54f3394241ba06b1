package trigger

import (
	"bytes"
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
		"Topic":                func(c *Config) { c.Topic = "" },
		"ConsumerGroup":        func(c *Config) { c.ConsumerGroup = strings.Repeat("g", 201) },
		"BatchSize":            func(c *Config) { c.BatchSize = 10_001 },
		"BatchWindow":          func(c *Config) { c.BatchWindow = 301 * time.Second },
		"MaxPayloadBytes":      func(c *Config) { c.MaxPayloadBytes = 6<<20 + 1 },
		"FunctionTimeout":      func(c *Config) { c.FunctionTimeout = 15 * time.Minute },
		"Concurrency":          func(c *Config) { c.Concurrency = -1 },
		"RetryBackoff":         func(c *Config) { c.RetryBackoff, c.MaxRetryBackoff = 2, 1 },
		"ShutdownGrace":        func(c *Config) { c.ShutdownGrace = time.Minute },
		"MaximumRetryAttempts": func(c *Config) { c.Provisioned = &Provisioned{MaximumRetryAttempts: new(10_001)} },
		"MaximumRecordAge":     func(c *Config) { c.Provisioned = &Provisioned{MaximumRecordAge: 59 * time.Second} },
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

func TestRetriesEndWhereAWSEndsThem(t *testing.T) {
	for name, tc := range map[string]struct {
		p       *Provisioned
		limit   int
		limited bool
	}{
		"on demand: never":                  {nil, 0, false},
		"provisioned by default: never":     {&Provisioned{}, 0, false},
		"-1: never":                         {&Provisioned{MaximumRetryAttempts: new(-1)}, 0, false},
		"a limit":                           {&Provisioned{MaximumRetryAttempts: new(3)}, 3, true},
		"no retry at all":                   {&Provisioned{MaximumRetryAttempts: new(0)}, 0, true},
		"never, with a destination: ten":    {&Provisioned{OnFailure: new(bytes.Buffer)}, 10, true},
		"a limit and a destination: limit":  {&Provisioned{OnFailure: new(bytes.Buffer), MaximumRetryAttempts: new(99)}, 99, true},
		"-1 and a destination: ten as well": {&Provisioned{OnFailure: new(bytes.Buffer), MaximumRetryAttempts: new(-1)}, 10, true},
	} {
		limit, limited := tc.p.retryLimit()
		if limited != tc.limited || limited && limit != tc.limit {
			t.Errorf("%s: got %d, %v", name, limit, limited)
		}
	}
}
