package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"event-processing-service/internal/trigger"
)

// tables are the stores of the function: DynamoDB Local, whose speed says little about DynamoDB, and an endpoint that
// answers at once, which leaves the function's own time. stop ends the endpoint.
func tables(ctx context.Context) (endpoints map[string]string, stop func(), err error) {
	instant, err := startChild(ctx, os.Args[0], []string{"serve", "table"}, false)
	if err != nil {
		return nil, nil, err
	}
	endpoints = map[string]string{"at once": "http://" + instant.addr}
	if local := os.Getenv("DYNAMODB_ENDPOINT"); local != "" {
		endpoints["DynamoDB Local"] = local
	} else {
		fmt.Fprintln(os.Stderr, "left out: DynamoDB Local, as DYNAMODB_ENDPOINT is not set")
	}
	return endpoints, instant.stop, nil
}

// functions are the builds of the function to compare.
func (p plan) functions(l *lab) map[string]string {
	all := map[string]string{"function": l.binary("bootstrap")}
	if p.compareFunction != "" {
		all["function, other build"] = p.compareFunction
	}
	return all
}

// startFunction runs a build behind the Lambda Runtime API, with a table.
func startFunction(l *lab, binary, endpoint, table string, env ...string) (*trigger.RuntimeAPI, error) {
	return trigger.NewRuntimeAPI(trigger.RuntimeConfig{Bootstrap: binary, Env: append([]string{
		"LOG_LEVEL=ERROR", "KAFKA_BOOTSTRAP_SERVERS=" + l.brokers, "STORE=dynamodb", "EVENTS_TABLE=" + table,
		"AWS_ENDPOINT_URL_DYNAMODB=" + endpoint,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench",
	}, env...)})
}

// measureFunction measures the real binary with a table: the time of an invocation, and the CPU and memory of the
// process.
func measureFunction(ctx context.Context, p plan, l *lab, r *results) error {
	endpoints, stop, err := tables(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for name, endpoint := range endpoints {
		table := newTableName()
		if name == "DynamoDB Local" {
			store, _ := tableAt(endpoint, table)
			if _, err := store.CreateTable(ctx); err != nil {
				return err
			}
		}
		for range p.rounds {
			for build, binary := range p.functions(l) {
				api, err := startFunction(l, binary, endpoint, table)
				if err != nil {
					return err
				}
				for _, n := range []int{100, 1000} {
					s, err := invokeFresh(ctx, p, api, n)
					if err != nil {
						return err
					}
					r.add(fmt.Sprintf("%s, table %s, %d records", build, name, n), 0, 0, s)
				}
				if err := api.Close(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// invokeFresh invokes the function with new events. It measures only the invocations, not the making of payloads.
func invokeFresh(ctx context.Context, p plan, api *trigger.RuntimeAPI, n int) (sample, error) {
	var h histogram
	var took time.Duration
	var before time.Duration
	for i := 0; took < p.duration && ctx.Err() == nil; i++ {
		text, err := writePayload(n, time.Now().UnixNano())
		if err != nil {
			return sample{}, fmt.Errorf("write payload: %w", err)
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		_, err = api.Invoke(ctx, text)
		cancel()
		if err != nil {
			return sample{}, err
		}
		if i == 0 { // the first starts the process and its connections
			if before, err = cpuOfChildren("bootstrap"); err != nil {
				return sample{}, err
			}
			continue
		}
		took += time.Since(begin)
		h.add(time.Since(begin))
	}
	after, err := cpuOfChildren("bootstrap")
	events := float64(h.count) * float64(n)
	return sample{
		EventsPerSecond: events / took.Seconds(), P50: milliseconds(h.quantile(0.5)), P99: milliseconds(h.quantile(0.99)),
		CPU: float64((after - before).Microseconds()) / events,
	}, err
}
