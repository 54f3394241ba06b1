package main

import (
	"runtime"
	"time"
)

// meter measures work of this process.
type meter struct {
	start   time.Time
	cpu     time.Duration
	mallocs uint64
}

func startMeter() meter {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return meter{start: time.Now(), cpu: ownCPUTime(), mallocs: m.Mallocs}
}

func (m meter) stop(events float64) sample {
	took, cpu := time.Since(m.start), ownCPUTime()-m.cpu
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return sample{
		EventsPerSecond: events / took.Seconds(),
		CPU:             float64(cpu.Nanoseconds()) / 1e3 / events,
		Allocations:     float64(after.Mallocs-m.mallocs) / events,
	}
}
