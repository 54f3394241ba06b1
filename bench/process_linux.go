package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of CPU time in /proc: 1/100 s on every architecture on which Go runs on Linux. A measurement
// of 2 s on a busy core has 200 ticks, so its error is half a percent.
const clockTick = 10 * time.Millisecond

// cpuOf returns the user and system time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read CPU time: %q", fields)
	}
	return time.Duration(user+system) * clockTick, nil
}

// stat returns the fields of /proc/PID/stat behind the process's name, which may contain any characters. The parent is
// the second field, utime and stime are the 12th and 13th.
func stat(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("read CPU time: %w", err)
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])), nil
}

// cpuOfChildren returns the CPU time of this process's children that run the program with this name.
func cpuOfChildren(program string) (sum time.Duration, err error) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, fmt.Errorf("look for processes: %w", err)
	}
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			return 0, fmt.Errorf("read process: %w", err)
		}
		path, _ := os.Readlink(process + "/exe") // "" if it is another user's process, or has ended
		fields, err := stat(pid)
		if err != nil || filepath.Base(path) != program || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		used, err := cpuOf(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// forgetPeak resets peakOf.
func forgetPeak(pid int) { _ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) }

// peakOf returns the largest resident memory that a process had so far, in bytes, and memoryOf its present one.
func peakOf(pid int) int64   { return status(pid, "VmHWM:") }
func memoryOf(pid int) int64 { return status(pid, "VmRSS:") }

func status(pid int, field string) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// sleep is exact to some 60 µs. Go's own timers wake up to a millisecond late, which would add to every latency of the
// open loop.
func sleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // if it wakes early, the caller looks at the clock
}

func describeCPU() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}
