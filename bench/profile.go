package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// accounted is the line of `go tool pprof -top` that says how much of the samples the focus has.
var accounted = regexp.MustCompile(`Showing nodes accounting for [^,]+, ([0-9.e+-]+)% of`)

// cpuShares profiles a program for d, and returns which part of its samples have a function on their stack that each
// pattern matches, in percent.
func cpuShares(ctx context.Context, url string, d time.Duration, patterns map[string]string) (map[string]float64,
	error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?seconds=%.0f", url, d.Seconds()), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a profile: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for a profile: %w", err)
	}
	defer resp.Body.Close()
	file, err := os.CreateTemp("", "profile")
	if err != nil {
		return nil, fmt.Errorf("keep a profile: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // a temporary file
	_, err = io.Copy(file, resp.Body)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("keep a profile: %w", err)
	}
	shares := map[string]float64{}
	for name, pattern := range patterns {
		text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodefraction=0", "-nodecount=100000",
			"-focus="+pattern,
			file.Name()).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("read a profile: %w: %s", err, text)
		}
		if m := accounted.FindSubmatch(text); m != nil { // where there is none the pattern matches nothing
			if shares[name], err = strconv.ParseFloat(string(m[1]), 64); err != nil {
				return nil, fmt.Errorf("read a profile: %w", err)
			}
		}
	}
	return shares, nil
}
