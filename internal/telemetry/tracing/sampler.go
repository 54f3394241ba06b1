package tracing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var samplers = []string{
	"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

// checkSampler refuses what the SDK would take for something else: it goes on with every request traced, and only mentions
// that. It reads the same variables itself.
//
// Source: OpenTelemetry Environment Variable Specification, "General SDK Configuration".
func checkSampler(lookup func(string) (string, bool)) error {
	value, _ := lookup("OTEL_TRACES_SAMPLER")
	name := strings.ToLower(strings.TrimSpace(value))
	if name != "" && !slices.Contains(samplers, name) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER=%q: must be one of %s", value, strings.Join(samplers, ", "))
	}
	text, set := lookup("OTEL_TRACES_SAMPLER_ARG")
	if !set || !strings.HasSuffix(name, "traceidratio") {
		return nil
	}
	if ratio, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err != nil || ratio < 0 || ratio > 1 {
		return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%q: must be a number from 0 to 1", text)
	}
	return nil
}
