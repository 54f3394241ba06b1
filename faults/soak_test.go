//go:build faults

package faults

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSteadyLoadLeavesNothingBehind(t *testing.T) {
	brokers := need(t, "FAULT_BROKERS")
	client := adminOf(t, brokers)
	r := newRandom(t)
	lasts := duration(t, "FAULT_SOAK", faultTime(t))
	p := newPipeline(t, brokers, client, "soak")
	api := newAPI(t, "api", p.env...)
	l := &load{run: "e", source: "/faults", targets: []string{api.url}, workers: 10, rate: loadRate(t), batches: true,
		ledger: newLedger()}
	l.statuses = map[int]int{}
	first := &entry{id: "e-first", key: "first", eventType: "load.test"} // starts the function
	l.ledger.add(first)
	l.post(http.DefaultClient, r, []*entry{first})
	await(t, 30*time.Second, "the function to start", func() bool { return len(children(p.trigger.pid())) == 1 })
	watched := []*watch{
		{name: "api", pid: api.pid(), metrics: api.metrics},
		{name: "trigger", pid: p.trigger.pid()},
		{name: "function", pid: children(p.trigger.pid())[0]},
	}

	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	sampling := make(chan struct{})
	go func() {
		defer close(sampling)
		for pause(ctx, max(time.Second, lasts/200)) {
			for _, w := range watched {
				w.sample()
			}
		}
	}()
	l.drive(ctx, r)
	<-sampling
	p.awaitDone(time.Minute)

	result := takeCensus(l.ledger, readTopic(t, brokers, client, p.topic))
	t.Logf("%s of load; answers by status: %v", lasts, l.statuses)
	t.Log(result)
	for _, f := range result.faults {
		t.Error(f)
	}
	if result.lost > 0 || result.accepted == 0 || result.refused+result.unknown > 0 {
		t.Error("with nothing broken, each event is accepted and stored")
	}
	for _, w := range watched {
		w.judge(t)
	}
}

// watch is the resources that one process uses, over time.
type watch struct {
	name    string
	pid     int
	metrics string // URL; "" if the process has no metrics
	series  map[string][]float64
}

// sample adds to the series. If the process has ended, a value is missing, which judge notices.
func (w *watch) sample() {
	if w.series == nil {
		w.series = map[string][]float64{}
	}
	add := func(name string, v float64) { w.series[name] = append(w.series[name], v) }
	if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.pid)); err == nil {
		add("file descriptors", float64(len(files)))
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid)); err == nil {
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			switch {
			case err != nil:
			case name == "VmRSS":
				add("MiB resident", n/1024)
			case name == "Threads":
				add("threads", n)
			}
		}
	}
	if w.metrics == "" {
		return
	}
	resp, err := probe.Get(w.metrics)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return
	}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), "go_goroutines "); ok {
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				add("goroutines", n)
			}
		}
	}
}

// slack is how much larger a value may be at the end than after the warm-up, besides a fifth: the garbage collector
// and chance explain as much.
var slack = map[string]float64{"MiB resident": 12, "threads": 6, "file descriptors": 12, "goroutines": 25}

// judge compares the median of the last quarter with that of the second. The first quarter is the warm-up.
func (w *watch) judge(t *testing.T) {
	t.Helper()
	for _, name := range []string{"MiB resident", "file descriptors", "threads", "goroutines"} {
		s := w.series[name]
		if len(s) < 8 {
			if name != "goroutines" || w.metrics != "" {
				t.Logf("%s: %s: only %d samples", w.name, name, len(s))
			}
			continue
		}
		early, late := median(s[len(s)/4:len(s)/2]), median(s[len(s)*3/4:])
		t.Logf("%-8s  %-16s  after the warm-up %6.1f, at the end %6.1f, at most %6.1f, %d samples", w.name, name, early,
			late, slices.Max(s), len(s))
		if late > early*1.2+slack[name] {
			t.Errorf("%s: %s grew from %.1f to %.1f", w.name, name, early, late)
		}
	}
	if len(w.series["threads"]) == 0 {
		t.Errorf("%s was never seen", w.name)
	}
}

func median(s []float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}
