package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// freshStore makes the events of each invocation new ones, because known events would be done at once. Its field alone
// puts each change into a request of its own.
type freshStore struct {
	processor.Store
	alone      bool
	invocation *atomic.Int64
}

func (s *freshStore) fresh(c event.Claim) event.Claim {
	c.Identity.ID += "." + strconv.FormatInt(s.invocation.Load(), 10)
	if s.alone {
		c.Company = nil
	}
	return c
}

func (s *freshStore) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	return s.Store.Begin(ctx, s.fresh(c))
}

func (s *freshStore) Renew(ctx context.Context, c event.Claim) (event.Reply, error) {
	return s.Store.Renew(ctx, s.fresh(c))
}

func (s *freshStore) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	return s.Store.Release(ctx, s.fresh(c), attempts, reason)
}

func (s *freshStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	c = s.fresh(c)
	o.Identity = c.Identity
	return s.Store.Finish(ctx, c, o)
}

func newTableName() string { return "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36) }

// tableAt returns the store at an endpoint, and the count of its requests.
func tableAt(endpoint, name string) (*store.DynamoDB, *atomic.Int64) {
	cfg, requests := configAt(endpoint)
	return store.NewDynamoDB(cfg, name, time.Hour), requests
}

func configAt(endpoint string) (aws.Config, *atomic.Int64) {
	requests := new(atomic.Int64)
	count := middleware.FinalizeMiddlewareFunc("count",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			requests.Add(1)
			return next.HandleFinalize(ctx, in)
		})
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		}),
		APIOptions: []func(*middleware.Stack) error{
			func(s *middleware.Stack) error { return s.Finalize.Add(count, middleware.After) }},
	}, requests
}

// measureTable measures invocations whose outcomes are stored in a table, with one request per event and with shared
// requests, in turns.
func measureTable(ctx context.Context, p plan, _ *lab, r *results) error {
	endpoints, stop, err := tables(ctx)
	if err != nil {
		return err
	}
	defer stop()
	handled := &processor.Mux{}
	handled.Handle("order.created", processor.HandlerFunc(func(context.Context, event.Event) error { return nil }))
	invocation := new(atomic.Int64)
	for name, endpoint := range endpoints {
		tableName := newTableName()
		table, requests := tableAt(endpoint, tableName)
		cfg, _ := configAt(endpoint)
		bare := dynamodb.NewFromConfig(cfg)
		if name == "DynamoDB Local" {
			if _, err := table.CreateTable(ctx); err != nil {
				return err
			}
		}
		for range p.rounds {
			s, err := repeat(ctx, p, 100, func() error {
				return bareLoop(ctx, bare, tableName, 100, invocation.Add(1))
			})
			if err != nil {
				return err
			}
			r.add("table "+name+": bare loop over the SDK, 100 items", 0, 0, s)
			for _, v := range []struct {
				name    string
				records int
				mux     *processor.Mux
				alone   bool
			}{
				{"no handler, 1 record", 1, &processor.Mux{}, false},
				{"no handler, 100 records, a request each", 100, &processor.Mux{}, true},
				{"no handler, 100 records", 100, &processor.Mux{}, false},
				{"no handler, 1,000 records", 1000, &processor.Mux{}, false},
				{"handler, 100 records, requests for each", 100, handled, true},
				{"handler, 100 records", 100, handled, false},
				{"handler, 1,000 records", 1000, handled, false},
			} {
				proc, err := newProcessor(&freshStore{Store: table, alone: v.alone, invocation: invocation}, v.mux)
				if err != nil {
					return err
				}
				text, err := writePayload(v.records, 0)
				if err != nil {
					return fmt.Errorf("write payload: %w", err)
				}
				count, before := 0, requests.Load()
				s, err := repeat(ctx, p, v.records, func() error {
					invocation.Add(1)
					count += v.records
					ctx, cancel := context.WithTimeout(ctx, time.Minute)
					defer cancel()
					_, err := payload.Function(proc.Handle).Invoke(ctx, text)
					return err
				})
				if err != nil {
					return err
				}
				s.Requests = float64(requests.Load()-before) / float64(count)
				r.add("table "+name+": "+v.name, 0, 0, s)
			}
		}
	}
	return nil
}
