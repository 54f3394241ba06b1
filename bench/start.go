package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// measureStart measures what a task costs before its first request: the time from exec to the first 200 of its health
// check, its memory then, and the size of its binary.
func measureStart(ctx context.Context, p plan, l *lab, r *results) error {
	for range p.rounds {
		for _, v := range variants(p) {
			if v.name != limit && v.name != "API, structured" {
				continue
			}
			c, err := v.start(ctx, l)
			if err != nil {
				return err
			}
			time.Sleep(500 * time.Millisecond) // for what starts in the background
			r.add(v.server+", start to ready, idle memory", 0, 0,
				sample{P50: milliseconds(c.ready), PeakMB: float64(memoryOf(c.cmd.Process.Pid)) / (1 << 20)})
			c.stop()
		}
	}
	info, err := os.Stat(l.binary("eventctl"))
	if err != nil {
		return fmt.Errorf("measure binary: %w", err)
	}
	r.add("API, size of the binary", 0, 0, sample{Bytes: float64(info.Size())})
	return nil
}

// zippedSize is the size of the deployment package of a binary.
func zippedSize(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("zip binary: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	var size counter
	w := zip.NewWriter(&size)
	entry, err := w.Create("bootstrap")
	if err != nil {
		return 0, fmt.Errorf("zip binary: %w", err)
	}
	if _, err := io.Copy(entry, f); err != nil {
		return 0, fmt.Errorf("zip binary: %w", err)
	}
	if err := w.Close(); err != nil {
		return 0, fmt.Errorf("zip binary: %w", err)
	}
	return float64(size), nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
