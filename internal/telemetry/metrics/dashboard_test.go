package metrics_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/api"
	"event-processing-service/internal/telemetry/metrics"
)

type limits struct{}

func (limits) Alone() uint64 { return 0 }

type buffer struct{}

func (buffer) Buffered() (records, bytes int64) { return 0, 0 }

// undrawn are the metrics without a panel, each with the reason.
var undrawn = map[string]string{
	"api_key_requests_total":                "it is looked at before a key is revoked: docs/operating.md",
	"api_client_requests_total":             "what the clients are told is drawn: problems, by client",
	"api_version_requests_total":            "it is asked for where a version is to go: docs/versions.md",
	"event_processing_service_build_info":   "its labels are what it is for",
	"kafka_broker_connections_opened_total": "the wait for the acknowledgement shows what a lost broker costs",
	"kafka_broker_throttle_seconds":         "the wait shows it, too, and the stack sets no quotas",
	"rate_limit_fallbacks_total":            "the log and /v1/health tell that the store is away",
	"kafka_producer_buffered_bytes":         "the records that wait are drawn",
}

// registered returns the names of all metrics that a program may have, but for those of Go and the process.
func registered(t *testing.T) (names []string) {
	t.Helper()
	m := metrics.New("test")
	m.Watch(buffer{})
	m.WatchLimits(limits{})
	m.Hook()
	api.New(api.Config{Metrics: m.Registry}, nil, nil, slog.New(slog.DiscardHandler))
	descriptions := make(chan *prometheus.Desc)
	go func() {
		m.Registry.Describe(descriptions)
		close(descriptions)
	}()
	for d := range descriptions {
		names = append(names, regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	return names
}

// drawn returns the names that the dashboard asks for, with a panel that does.
func drawn(t *testing.T) map[string]string {
	t.Helper()
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
	notNames := regexp.MustCompile(`\{[^}]*\}|by \([^)]*\)|\$__\w+|histogram_quantile`)
	name := regexp.MustCompile(`[a-z]+(?:_[a-z]+)+`)
	asked := map[string]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			for _, n := range name.FindAllString(notNames.ReplaceAllString(target.Expr, ""), -1) {
				asked[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(n, "")] = p.Title
			}
		}
	}
	return asked
}

// TestTheDashboardAsksForMetricsThatThereAre keeps a renamed metric from becoming an empty panel.
func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	known, asked := registered(t), drawn(t)
	for name, panel := range asked {
		if !slices.Contains(known, name) {
			t.Errorf("panel %q asks for %s, which is none of %v", panel, name, known)
		}
	}
	if len(asked) == 0 {
		t.Error("the dashboard asks for nothing")
	}
}

func TestEachMetricHasAPanelOrAReasonToHaveNone(t *testing.T) {
	known, asked := registered(t), drawn(t)
	for _, name := range known {
		own := !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_")
		if own && asked[name] == "" && undrawn[name] == "" {
			t.Errorf("no panel of observability/dashboard.json shows %s: add one, or its reason to undrawn", name)
		}
	}
	for name := range undrawn {
		if asked[name] != "" || !slices.Contains(known, name) {
			t.Errorf("undrawn has %s, which is drawn in %q or does not exist", name, asked[name])
		}
	}
}
