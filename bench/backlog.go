package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// backlogPartitions is what a topic of millions has at least.
const backlogPartitions = 6

// measureBacklog opens the console on a topic of many records that nobody has processed, while 5,000 events a second
// come. It measures the time until the page shows something, the memory of the page and of its server, and the time of
// a look at one event.
func measureBacklog(ctx context.Context, p plan, l *lab, r *results) error {
	name := fmt.Sprintf("bench.backlog.%d", time.Now().UnixNano())
	if err := l.fill(ctx, name, p.records); err != nil {
		return err
	}
	defer l.deleteTopics(name, name+".dlq")
	if err := l.createTopic(ctx, name+".dlq"); err != nil {
		return err
	}
	api, err := startChild(ctx, l.binary("eventctl"), serveArgs, true, "KAFKA_TOPIC="+name, "LOG_LEVEL=WARN",
		`API_KEYS={"bench":"`+key+`"}`)
	if err != nil {
		return err
	}
	defer api.stop()
	endpoints, stopTables, err := tables(ctx)
	if err != nil {
		return err
	}
	defer stopTables()
	b, err := openBrowser(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	for range p.rounds {
		console, url, err := l.startConsole(ctx, name, endpoints["at once"])
		if err != nil {
			return err
		}
		err = watchBacklog(ctx, p, b, r, backlog{name, api, console.Process.Pid, url})
		stopProgram(console)
		if err != nil {
			return err
		}
	}
	return nil
}

// fill makes a topic of n small events.
func (l *lab) fill(ctx context.Context, name string, n int) error {
	if _, err := kadm.NewClient(l.admin).CreateTopic(ctx, backlogPartitions, -1, nil, name); err != nil {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	opts, err := kafka.Options(l.kafkaConfig())
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.MaxBufferedRecords(100_000),
		kgo.ProducerBatchMaxBytes(64<<10), // the API's are no larger
		kgo.ProducerLinger(50*time.Millisecond))...)
	if err != nil {
		return fmt.Errorf("make Kafka client: %w", err)
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	begun := time.Now()
	for i := range n {
		id := strconv.Itoa(i)
		client.Produce(ctx, &kgo.Record{Topic: name,
			Key: []byte(strconv.Itoa(i % 100_000)), Value: []byte(`{"n":` + id + `}`),
			Headers: []kgo.RecordHeader{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte(id)},
				{Key: "ce_source", Value: []byte("/bench/backlog")}, {Key: "ce_type", Value: []byte("order.created")},
				{Key: "content-type", Value: []byte("application/json")},
			}}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("fill topic: %w", err)
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("fill topic: %w", *err)
	}
	fmt.Fprintf(os.Stderr, "%d records in %s\n", n, time.Since(begun).Round(time.Second/10))
	return nil
}

type backlog struct {
	topic string
	api   *child
	pid   int // of the console's server
	url   string
}

// watchBacklog opens the page, posts events for a while, looks up records, and closes the page.
func watchBacklog(ctx context.Context, p plan, b *browser, r *results, s backlog) error {
	name := func(what string) string { return fmt.Sprintf("a topic of %d records: %s", p.records, what) }
	milli := func(what string, d time.Duration) { r.add(name(what), 0, 0, sample{P50: milliseconds(d)}) }
	begun := time.Now()
	if err := b.open(s.url); err != nil {
		return err
	}
	milli("page is loaded, ms", time.Since(begun))
	const figures = `document.querySelectorAll(".flow .figure").length === 5 && ` +
		`[...document.querySelectorAll(".flow .figure")].every((f) => f.textContent !== "–")`
	if err := b.await(ctx, figures); err != nil {
		return err
	}
	milli("figures are shown, ms", time.Since(begun))
	if err := b.await(ctx, `document.querySelectorAll("tbody tr").length > 0`); err != nil {
		return err
	}
	milli("events are shown, ms", time.Since(begun))

	all, err := connect(s.api.addr, batch(consoleBatch), consoleClients)
	if err != nil {
		return err
	}
	defer all.close()
	d := max(p.duration, framesFor+time.Second)
	shown := make(chan error, 1)
	before, err := cpuOf(s.pid)
	if err != nil {
		return err
	}
	go func() {
		seen, err := b.observe(ctx, name("page"), d)
		r.Pages = append(r.Pages, seen)
		shown <- err
	}()
	_, err = all.openLoop(ctx, consoleRequests, d)
	if pageErr := <-shown; err == nil {
		err = pageErr
	}
	if err != nil {
		return err
	}
	after, err := cpuOf(s.pid)
	if err != nil {
		return err
	}
	for i := range 5 {
		took, err := lookUp(ctx, s, int64(i+1)*int64(p.records)/backlogPartitions/7)
		if err != nil {
			return err
		}
		milli("look at one event, ms", took)
	}
	peak := float64(peakOf(s.pid)) / mega
	r.add(name("console's server, CPU ms a second with a page open"), 0, 0,
		sample{P50: milliseconds(after-before) / d.Seconds(), PeakMB: peak})
	return watchClosed(b, r, s.pid, name("console's server, CPU ms a second with the page closed"))
}

func lookUp(ctx context.Context, s backlog, offset int64) (time.Duration, error) {
	begun := time.Now()
	url := fmt.Sprintf("%sapi/event?topic=%s&partition=1&offset=%d", s.url, s.topic, offset)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("look at an event: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("look at an event: %w", err)
	}
	defer resp.Body.Close()
	var event struct{ Attributes [][2]string }
	if err := json.NewDecoder(resp.Body).Decode(&event); err != nil || len(event.Attributes) == 0 {
		return 0, fmt.Errorf("look at the event at offset %d: %s, %w", offset, resp.Status, err)
	}
	return time.Since(begun), nil
}

// watchClosed measures what the server does once nobody looks any more.
func watchClosed(b *browser, r *results, pid int, name string) error {
	if err := b.open("about:blank"); err != nil {
		return err
	}
	time.Sleep(settle)
	before, err := cpuOf(pid)
	if err != nil {
		return err
	}
	const nobody = 3 * time.Second
	time.Sleep(nobody)
	after, err := cpuOf(pid)
	r.add(name, 0, 0, sample{P50: milliseconds(after-before) / nobody.Seconds(), PeakMB: float64(memoryOf(pid)) / mega})
	return err
}
