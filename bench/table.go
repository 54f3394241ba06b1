package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// freshStore takes the events of each invocation for others than those of the ones before, which would be done already.
type freshStore struct {
	processor.Store
	invocation atomic.Int64
}

func (s *freshStore) fresh(c event.Claim) event.Claim {
	c.Identity.ID += "." + strconv.FormatInt(s.invocation.Load(), 10)
	return c
}

func (s *freshStore) Begin(ctx context.Context, c event.Claim) (event.Claim, error) {
	return s.Store.Begin(ctx, s.fresh(c))
}

func (s *freshStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Claim, error) {
	c = s.fresh(c)
	o.Identity = c.Identity
	return s.Store.Finish(ctx, c, o)
}

// measureTable measures invocations whose outcomes are remembered in DynamoDB Local, one conditional write each. What it
// takes is DynamoDB Local's time, which says little about DynamoDB's.
func measureTable(ctx context.Context, p plan, _ *lab, r *results) error {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		fmt.Fprintln(os.Stderr, "left out: DynamoDB Local, as DYNAMODB_ENDPOINT is not set")
		return nil
	}
	table := store.NewDynamoDB(aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		}),
	}, "bench-"+strconv.FormatInt(time.Now().UnixNano(), 36), time.Hour)
	if err := table.CreateTable(ctx); err != nil {
		return err
	}
	events := &freshStore{Store: table}
	proc, err := newProcessor(events)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 100, 10_000} {
		text, err := writePayload(n)
		if err != nil {
			return fmt.Errorf("write payload: %w", err)
		}
		for range p.rounds {
			s, err := repeat(ctx, p, n, func() error {
				events.invocation.Add(1)
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				_, err := processor.Function(proc.Handle).Invoke(ctx, text)
				return err
			})
			if err != nil {
				return err
			}
			r.add(fmt.Sprintf("processor with DynamoDB Local, %d records", n), 0, 0, s)
		}
	}
	return nil
}
