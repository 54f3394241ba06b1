package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"event-processing-service/handlers"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/trigger"
)

// maxLag is how many events may wait for the function. Beyond it the posters wait, so that the measured throughput is
// one that the whole pipe can sustain.
const maxLag = 5000

// measurePipe measures the throughput from posts to stored outcomes: API, broker, and a trigger and the real function
// for each processor, with a table that answers at once. All of them share the machine.
func measurePipe(ctx context.Context, p plan, l *lab, r *results) error {
	endpoints, stop, err := tables(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for round := range p.rounds {
		for build, binary := range p.functions(l) {
			for name, load := range map[string]struct {
				request     *request
				connections int
			}{"single posts": {structured(eventBytes), 64}, "batches of 100": {batch(100), 4}} {
				topic := fmt.Sprintf("bench.pipe.%d.%d", time.Now().UnixNano(), round)
				samples, err := pipe(ctx, p, l, binary, endpoints["at once"], topic, load.request, load.connections)
				if err != nil {
					return err
				}
				for part, s := range samples {
					r.add(fmt.Sprintf("pipe, %s, %s%s", name, build, part), 0, 0, s)
				}
			}
		}
	}
	return nil
}

// pipe returns the throughput of the whole pipe, and the CPU time of its parts.
func pipe(ctx context.Context, p plan, l *lab, binary, endpoint, name string, r *request,
	connections int) (map[string]sample, error) {
	if err := l.createTopic(ctx, name); err != nil {
		return nil, err
	}
	defer l.deleteTopics(name)
	api, err := startChild(ctx, l.binary("eventctl"), serveArgs, true, "KAFKA_TOPIC="+name, "LOG_LEVEL=WARN",
		`API_KEYS={"bench":"`+key+`"}`)
	if err != nil {
		return nil, err
	}
	defer api.stop()
	running, cancel := context.WithCancel(ctx)
	var processors sync.WaitGroup
	defer func() { cancel(); processors.Wait() }()
	var groups []string
	for n, processor := range handlers.Sets.Names() {
		group := fmt.Sprintf("%s-%d", name, n)
		run, err := l.processor(binary, endpoint, processor, name, group)
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
		processors.Go(func() { run(running) })
	}

	all, err := connect(api.addr, r, connections)
	if err != nil {
		return nil, err
	}
	defer all.close()
	var posted, done atomic.Int64
	go l.watch(running, groups, &done)
	post := func(d time.Duration) error {
		end := time.Now().Add(d)
		_, err := all.each(ctx, end.Add(20*time.Second), func(conn *connection, _ *histogram) error {
			for time.Now().Before(end) && ctx.Err() == nil {
				if posted.Load()-done.Load() > maxLag {
					time.Sleep(time.Millisecond)
					continue
				}
				if err := conn.roundTrip(); err != nil {
					return err
				}
				posted.Add(int64(r.events))
			}
			return nil
		})
		return err
	}
	// These events do not count. They let the group form and the connections open.
	if err := post(max(p.warmUp, time.Second/2)); err != nil {
		return nil, err
	}
	for end := time.Now().Add(20 * time.Second); done.Load() == 0 &&
		time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	meter, before, begun := startMeter(), done.Load(), time.Now()
	apiCPU, functionCPU, err := pipeCPU(api)
	if err != nil {
		return nil, err
	}
	if err := post(max(2*p.duration, time.Second)); err != nil {
		return nil, err
	}
	events, took := float64(done.Load()-before), time.Since(begun).Seconds()
	rest := meter.stop(events)
	apiAfter, functionAfter, err := pipeCPU(api)
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / events }
	return map[string]sample{
		"": {EventsPerSecond: events / took,
			CPU: each(apiAfter-apiCPU+functionAfter-functionCPU) + rest.CPU},
		": the API's part":           {CPU: each(apiAfter - apiCPU)},
		": the function's part":      {CPU: each(functionAfter - functionCPU)},
		": the load and the trigger": {CPU: rest.CPU},
	}, err
}

func pipeCPU(api *child) (ofAPI, ofFunction time.Duration, err error) {
	if ofAPI, err = cpuOf(api.cmd.Process.Pid); err != nil {
		return 0, 0, err
	}
	ofFunction, err = cpuOfChildren("bootstrap")
	return ofAPI, ofFunction, err
}

// processor is one with its trigger, which runs until its context ends.
func (l *lab) processor(binary, endpoint, processor, topic, group string) (run func(context.Context), err error) {
	opts, err := kafka.Options(l.kafkaConfig())
	if err != nil {
		return nil, err
	}
	function, err := startFunction(l, binary, endpoint, "events", "PROCESSOR="+processor)
	if err != nil {
		return nil, err
	}
	mapping, err := trigger.New(trigger.Config{Topic: topic, ConsumerGroup: group, ClientOptions: opts,
		FunctionTimeout: time.Minute}, function)
	if err != nil {
		_ = function.Close() // it has not begun
		return nil, err
	}
	return func(ctx context.Context) {
		_ = mapping.Run(ctx)
		_ = function.Close() // it has nothing to lose
	}, nil
}

// watch counts what the slowest group has committed of a new topic.
func (l *lab) watch(ctx context.Context, groups []string, done *atomic.Int64) {
	admin := kadm.NewClient(l.admin)
	for ctx.Err() == nil {
		slowest := int64(math.MaxInt64)
		for _, group := range groups {
			offsets, err := admin.FetchOffsets(ctx, group)
			if err != nil {
				slowest = done.Load() // as it was
				break
			}
			var sum int64
			for _, o := range offsets.Offsets().Sorted() {
				sum += o.At
			}
			slowest = min(slowest, sum)
		}
		done.Store(slowest)
		time.Sleep(20 * time.Millisecond)
	}
}
