package metrics_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/telemetry/metrics"
)

type buffer struct{}

func (buffer) Buffered() (records, bytes int64) { return 0, 0 }

// TestTheDashboardAsksForMetricsThatThereAre keeps a renamed metric from becoming an empty panel.
func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../../../observability/dashboard.json")
	if err != nil {
		t.Fatalf("read dashboard: %v", err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatalf("read dashboard: %v", err)
	}
	m := metrics.New("test")
	m.Watch(buffer{})
	m.Hook()
	m.Rejected("invalid")
	m.Requests().End("GET", "/", 200, 0)
	m.Publisher(nil)
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	known := []string{"api_problems_total"} // the API's own
	for _, f := range families {
		known = append(known, f.GetName())
	}
	name := regexp.MustCompile(`[a-z]+(?:_[a-z]+)+`)
	asked := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			selector := regexp.MustCompile(`\{[^}]*\}|by \([^)]*\)|\$__\w+|histogram_quantile`).ReplaceAllString(target.Expr, "")
			for _, n := range name.FindAllString(selector, -1) {
				asked++
				base := n
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					base = strings.TrimSuffix(base, suffix)
				}
				if !slices.Contains(known, n) && !slices.Contains(known, base) {
					t.Errorf("panel %q asks for %s, which is none of %v", p.Title, n, known)
				}
			}
		}
	}
	if asked == 0 {
		t.Error("the dashboard asks for nothing")
	}
}
