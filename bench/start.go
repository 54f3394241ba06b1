package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// measureStart measures what a task costs before its first request: the time from exec to the first 200 of its health
// check, its memory then, and the size of its binary. Of the function it measures the time to its first event.
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
	return measureFirstEvent(ctx, p, l, r)
}

// measureFirstEvent measures from the function's exec to the answer for its first event, which the table then has: all
// that a cold start takes but for Lambda's own part.
func measureFirstEvent(ctx context.Context, p plan, l *lab, r *results) error {
	endpoints, stop, err := tables(ctx)
	if err != nil {
		return err
	}
	defer stop()
	variants := []struct {
		name string
		env  []string
	}{
		{"function, start to first event", nil},
		{"function, start to first event, IAM", []string{"KAFKA_AUTH=iam"}},
		{"function, start to first event, X-Ray", []string{"OTEL_TRACES_EXPORTER=xray"}},
		{"function, start to first event, IAM and X-Ray", []string{"KAFKA_AUTH=iam", "OTEL_TRACES_EXPORTER=xray"}},
	}
	for range p.rounds {
		for _, v := range variants {
			s, err := firstEvent(ctx, l, endpoints["at once"], v.env)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			r.add(v.name, 0, 0, s)
		}
	}
	return nil
}

func firstEvent(ctx context.Context, l *lab, endpoint string, env []string) (s sample, err error) {
	text, err := writePayload(1, time.Now().UnixNano())
	if err != nil {
		return sample{}, fmt.Errorf("write payload: %w", err)
	}
	api, err := startFunction(l, l.binary("bootstrap"), endpoint, newTableName(), env...)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	begin := time.Now()
	if _, err := api.Invoke(ctx, text); err != nil { // which starts the process
		return sample{}, err
	}
	return sample{P50: milliseconds(time.Since(begin))}, nil
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
