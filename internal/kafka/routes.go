package kafka

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Routes are topics by event type, or by an asterisk behind what types begin with: order.* is all whose name begins
// with "order.".
type Routes map[string]string

// routes find the topic of an event.
type routes struct {
	byDefault string
	types     Routes
	prefixes  []string // of types, the longest first
}

func newRoutes(byDefault string, given Routes) routes {
	r := routes{byDefault: byDefault, types: given}
	for pattern := range given {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			r.prefixes = append(r.prefixes, prefix)
		}
	}
	slices.SortFunc(r.prefixes, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return r
}

// topic is that of the type itself, else of the longest beginning of it that has one, else the default.
func (r *routes) topic(eventType string) string {
	if len(r.types) == 0 {
		return r.byDefault
	}
	if topic, ok := r.types[eventType]; ok {
		return topic
	}
	for _, prefix := range r.prefixes {
		if strings.HasPrefix(eventType, prefix) {
			return r.types[prefix+"*"]
		}
	}
	return r.byDefault
}

// all are the topics that events go to, the default first.
func (r *routes) all() []string {
	others := slices.Sorted(maps.Values(r.types))
	others = slices.DeleteFunc(slices.Compact(others), func(topic string) bool { return topic == r.byDefault })
	return append([]string{r.byDefault}, others...)
}
