package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// sample is one measurement, or the median of several. Figures that do not apply are 0 and are left out.
type sample struct {
	EventsPerSecond float64 `json:"events_per_second,omitempty"`
	P50             float64 `json:"p50_ms,omitempty"`
	P99             float64 `json:"p99_ms,omitempty"`
	P999            float64 `json:"p999_ms,omitempty"`
	CPU             float64 `json:"cpu_us_per_event,omitempty"` // user and system time of the server
	Allocations     float64 `json:"allocs_per_event,omitempty"`
	Requests        float64 `json:"requests_per_event,omitempty"`      // to the table
	PeakMB          float64 `json:"peak_memory_mb,omitempty"`          // resident
	ClientCPU       float64 `json:"client_cpu_us_per_event,omitempty"` // of the load generator
	Bytes           float64 `json:"bytes,omitempty"`                   // of a file
}

// row is one line of the table.
type row struct {
	Name        string `json:"name"`
	Connections int    `json:"connections,omitempty"`
	Rate        int    `json:"rate,omitempty"` // requests/s of the open loop, 0: closed loop
	sample
	// Compared with the limit for events of that size at the same number of connections, in the same rounds.
	ThroughputRatio float64 `json:"throughput_ratio,omitempty"`
	P99Ratio        float64 `json:"p99_ratio,omitempty"`
	CPURatio        float64 `json:"cpu_ratio,omitempty"`

	base    string // the row to compare with; "": the limit
	samples []sample
}

// results are all figures of a run.
type results struct {
	Machine string    `json:"machine"`
	Time    time.Time `json:"time"`
	Rounds  int       `json:"rounds"`
	Seconds float64   `json:"seconds"` // of one measurement
	Rows    []*row    `json:"rows"`
	Pages   []page    `json:"pages,omitempty"` // of the console, in a browser
}

func describeMachine() string {
	return fmt.Sprintf("%d cores, %s, %s/%s, %s; load, servers and broker share them", runtime.NumCPU(), describeCPU(),
		runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func (r *results) find(name string, connections, rate int) *row {
	for _, x := range r.Rows {
		if x.Name == name && x.Connections == connections && x.Rate == rate {
			return x
		}
	}
	return nil
}

func (r *results) add(name string, connections, rate int, s sample) *row {
	x := r.find(name, connections, rate)
	if x == nil {
		x = &row{Name: name, Connections: connections, Rate: rate}
		r.Rows = append(r.Rows, x)
	}
	x.samples = append(x.samples, s)
	return x
}

// settle computes the medians and ratios of the rows. A ratio is the median of the rounds' ratios, because noise that
// lasts for a round affects both of its sides.
func (r *results) settle() {
	for _, x := range r.Rows {
		x.sample = sample{
			EventsPerSecond: x.median(func(s sample) float64 { return s.EventsPerSecond }),
			P50:             x.median(func(s sample) float64 { return s.P50 }),
			P99:             x.median(func(s sample) float64 { return s.P99 }),
			P999:            x.median(func(s sample) float64 { return s.P999 }),
			CPU:             x.median(func(s sample) float64 { return s.CPU }),
			Allocations:     x.median(func(s sample) float64 { return s.Allocations }),
			Requests:        x.median(func(s sample) float64 { return s.Requests }),
			PeakMB:          x.median(func(s sample) float64 { return s.PeakMB }),
			ClientCPU:       x.median(func(s sample) float64 { return s.ClientCPU }),
			Bytes:           x.median(func(s sample) float64 { return s.Bytes }),
		}
		if base := r.find(cmp.Or(x.base, limit), x.Connections, x.Rate); base != nil && len(base.samples) == len(x.samples) {
			x.ThroughputRatio = ratio(x, base, func(s sample) float64 { return s.EventsPerSecond })
			x.P99Ratio = ratio(x, base, func(s sample) float64 { return s.P99 })
			x.CPURatio = ratio(x, base, func(s sample) float64 { return s.CPU })
		}
	}
	r.Time = time.Now().UTC().Truncate(time.Second)
}

func (x *row) median(of func(sample) float64) float64 {
	values := make([]float64, len(x.samples))
	for i, s := range x.samples {
		values[i] = of(s)
	}
	return median(values)
}

func ratio(x, base *row, of func(sample) float64) float64 {
	var values []float64
	for i := range x.samples {
		if b := of(base.samples[i]); b > 0 {
			values = append(values, of(x.samples[i])/b)
		}
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

// print writes the table.
func (r *results) print(w io.Writer) {
	r.settle()
	fmt.Fprintf(w, "%s\nmedians of %d rounds of %gs; ratios to the limit\n\n", r.Machine, r.Rounds, r.Seconds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t,
		"what\tconns\trate\tevents/s\tratio\tp50 ms\tp99 ms\tratio\tp99.9 ms\tCPU "+
			"µs/event\tratio\tallocs/event\trequests/event\tpeak MB\tclient µs\t")
	rows := slices.Clone(r.Rows)
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.Connections, b.Connections))
	})
	for _, x := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", x.Name,
			figure(float64(x.Connections)), figure(float64(x.Rate)),
			figure(x.EventsPerSecond), figure(x.ThroughputRatio), figure(x.P50), figure(x.P99), figure(x.P99Ratio),
			figure(x.P999),
			figure(x.CPU), figure(x.CPURatio), figure(x.Allocations), figure(x.Requests), figure(x.PeakMB), figure(x.ClientCPU))
	}
	if err := t.Flush(); err != nil {
		return
	}
	for _, x := range r.Rows {
		if x.Bytes > 0 {
			fmt.Fprintf(w, "%s: %.1f MB\n", x.Name, x.Bytes/1e6)
		}
	}
	r.printPages(w)
}

// figure shows three digits, or nothing for 0.
func figure(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100 || v == float64(int(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func (r *results) save(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("save results: %w", err)
	}
	for name, content := range map[string][]byte{"results.json": append(text, '\n'), "plot.svg": []byte(r.plot())} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return fmt.Errorf("save results: %w", err)
		}
	}
	return nil
}
