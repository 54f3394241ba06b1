package settings

import (
	"maps"
	"slices"
	"strings"
)

// EventTopics are those that events go to and those that processors read, each once: the default first.
func (s Processor) EventTopics() []string {
	all := []string{s.Kafka.Topic}
	for _, topics := range []map[string]string{s.Kafka.Routes, s.Topics} {
		for _, topic := range slices.Sorted(maps.Values(topics)) {
			if !slices.Contains(all, topic) {
				all = append(all, topic)
			}
		}
	}
	return all
}

// routes reads topics by event type.
func (r *reader) routes(name, meaning string) map[string]string {
	const want = "TYPE=TOPIC, or several with commas between, such as order.*=orders; a type is whole, or what types " +
		"begin with and an asterisk, and stands there once"
	routes := r.pairs(name, meaning, want)
	for pattern := range routes {
		if strings.Contains(strings.TrimSuffix(pattern, "*"), "*") {
			r.problem(name, pattern, want)
		}
	}
	return routes
}

// processorTopics reads topics by processor.
func (r *reader) processorTopics(name, meaning string) map[string]string {
	return r.pairs(name, meaning, "PROCESSOR=TOPIC, or several with commas between, such as audit=orders; the first "+
		"processor, which has no name, reads KAFKA_TOPIC")
}

func (r *reader) pairs(name, meaning, want string) map[string]string {
	var topics map[string]string
	for _, pair := range r.list(name, "", meaning) {
		key, topic, _ := strings.Cut(pair, "=")
		if _, twice := topics[key]; twice || key == "" || !isTopic(topic) {
			r.problem(name, pair, want)
			continue
		}
		if topics == nil {
			topics = map[string]string{}
		}
		topics[key] = topic
	}
	return topics
}

// isTopic tells whether Kafka takes the name of a topic.
func isTopic(name string) bool {
	legal := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	return name != "" && len(name) <= 249 && name != "." && name != ".." &&
		strings.IndexFunc(name, func(c rune) bool { return !legal(c) }) < 0
}
