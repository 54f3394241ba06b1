//go:build !linux

package main

import (
	"errors"
	"time"
)

// The bench reads CPU time and memory from /proc. On other systems it runs in a container.
func cpuOf(int) (time.Duration, error) { return 0, errors.New("read CPU time: only on Linux") }
func cpuOfChildren(string) (time.Duration, error) {
	return 0, errors.New("read CPU time: only on Linux")
}
func forgetPeak(int)        {}
func peakOf(int) int64      { return 0 }
func memoryOf(int) int64    { return 0 }
func sleep(d time.Duration) { time.Sleep(d) }
func describeCPU() string   { return "unknown CPU" }
