package main

import (
	"encoding/json"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

// changed returns a stack's committed configuration with one change made to it. What the service's own handlers use is
// left out: it is nobody's business here, and would be in the way of what a test says they use.
func changed(t *testing.T, stack string, change func(c *review.StackConfig)) review.StackConfig {
	t.Helper()
	c, err := review.ReadStack(root, stack)
	if err != nil {
		t.Fatal(err)
	}
	if c.Values[c.Project+":processor"] != "" {
		in("processor", "uses", nil)(&c)
	}
	change(&c)
	return c
}

// in sets a key of one of the configuration's objects; a nil value removes it.
func in(object, key string, value any) func(*review.StackConfig) {
	return func(c *review.StackConfig) {
		var fields map[string]any
		full := c.Project + ":" + object
		if err := json.Unmarshal([]byte(c.Values[full]), &fields); err != nil {
			panic(err)
		}
		at := fields
		for path := strings.Split(key, "."); ; path = path[1:] {
			if len(path) == 1 {
				if at[path[0]] = value; value == nil {
					delete(at, path[0])
				}
				break
			}
			at = at[path[0]].(map[string]any)
		}
		text, err := json.Marshal(fields)
		if err != nil {
			panic(err)
		}
		c.Values[full] = string(text)
	}
}

// isRefused holds a mistake in a stack's file against what is said of it: that one line, before anything is registered.
func isRefused(t *testing.T, stack string, change func(*review.StackConfig), want string) {
	t.Helper()
	t.Run(want, func(t *testing.T) {
		rec := &review.Recorder{}
		_, err := review.RecordConfig(root, stack, changed(t, stack, change), withHandlers(), rec)
		if err == nil {
			t.Fatal("the mistake went unseen")
		}
		if !strings.Contains(err.Error(), "1 problem(s)") || !strings.Contains(err.Error(), "\n"+want) {
			t.Errorf("the error is not that one line alone: %v", err)
		}
		if len(rec.Nodes()) > 0 {
			t.Errorf("%d resources were registered first", len(rec.Nodes()))
		}
	})
}

// at sets a key of the first level; "" removes it.
func at(key, value string) func(*review.StackConfig) {
	return func(c *review.StackConfig) {
		if c.Values[key] = value; value == "" {
			delete(c.Values, key)
		}
	}
}

func both(first, second func(*review.StackConfig)) func(*review.StackConfig) {
	return func(c *review.StackConfig) { first(c); second(c) }
}

const ns = "event-processing-service:"
