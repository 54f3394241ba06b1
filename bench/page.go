package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// page is what the console's page took in the browser during one measurement. Times are CPU times of its main thread.
type page struct {
	Name       string  `json:"name"`
	Draws      float64 `json:"draws_per_second"`
	Task       float64 `json:"main_thread_ms_per_second"`
	Script     float64 `json:"of_that_script_ms"`
	Layout     float64 `json:"of_that_layout_and_style_ms"`
	PerDraw    float64 `json:"main_thread_ms_per_draw"`
	Longest    float64 `json:"longest_draw_script_ms"` // by the clock, so other work on the cores is in it
	LongTasks  float64 `json:"tasks_over_50_ms"`       // by the clock, too
	Frames     float64 `json:"frames_per_second"`
	WorstFrame float64 `json:"worst_frame_ms"`
	Heap       float64 `json:"heap_mb"`      // after garbage collection
	HeapPeak   float64 `json:"heap_peak_mb"` // before it, looked at each second
	Nodes      float64 `json:"nodes"`
	Own        float64 `json:"renderer_own_mb"` // memory of the page's process that is no file's
	Resident   float64 `json:"renderer_resident_mb"`
	Browser    float64 `json:"browser_cpu_percent"` // of one core, by all of its processes
}

const (
	framesFor = 2 * time.Second // in which frames are counted, at the end of the load
	mega      = 1e6
)

// observe measures the page for d, of which the last part is for frames: asking for each of them is work of its own.
func (b *browser) observe(ctx context.Context, name string, d time.Duration) (p page, err error) {
	before, err := b.state()
	if err != nil {
		return p, err
	}
	after, peak := before, before.heap
	for end := time.Now().Add(d - framesFor); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(min(time.Second, time.Until(end)))
		if after, err = b.state(); err != nil {
			return p, err
		}
		peak = max(peak, after.heap)
	}
	frames, err := ask[[2]float64](b, fmt.Sprintf("witness.frames(%d)", framesFor.Milliseconds()))
	if err != nil {
		return p, err
	}
	if err := b.collect(); err != nil {
		return p, err
	}
	kept, err := b.state()
	if err != nil {
		return p, err
	}
	own, resident, err := b.memory()
	seconds, draws := after.at.Sub(before.at).Seconds(), after.seen.Draws-before.seen.Draws
	return page{
		Name: name, Draws: draws / seconds,
		Task: (after.task - before.task) * 1e3 / seconds, Script: (after.script - before.script) * 1e3 / seconds,
		Layout:  (after.layout + after.style - before.layout - before.style) * 1e3 / seconds,
		PerDraw: (after.task - before.task) * 1e3 / max(draws, 1), Longest: after.seen.Longest,
		LongTasks: after.seen.Long - before.seen.Long, Frames: frames[0], WorstFrame: frames[1],
		Heap: kept.heap / mega, HeapPeak: peak / mega, Nodes: kept.nodes,
		Own: float64(own) / mega, Resident: float64(resident) / mega,
		Browser: (after.browser - before.browser) * 100 / seconds,
	}, err
}

func (r *results) printPages(w io.Writer) {
	if len(r.Pages) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\npage\tdraws/s\tmain thread ms/s\tscript\tlayout\tms/draw\tlongest ms\ttasks over 50 ms\tframes/s\t"+
		"worst frame ms\theap MB\tpeak\tnodes\town MB\tresident\tbrowser's CPU %\t")
	for _, p := range r.Pages {
		fmt.Fprint(t, p.Name, "\t")
		for _, v := range []float64{p.Draws, p.Task, p.Script, p.Layout, p.PerDraw, p.Longest, p.LongTasks, p.Frames,
			p.WorstFrame, p.Heap, p.HeapPeak, p.Nodes, p.Own, p.Resident, p.Browser} {
			fmt.Fprint(t, figure(v), "\t")
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // the results are saved, too
}
