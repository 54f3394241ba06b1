package trigger_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"event-processing-service/internal/trigger"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/twmb/franz-go/pkg/kgo"
)

func ExampleSource_AppendPayload() {
	source := trigger.Source{BootstrapServers: "localhost:9092"}
	payload := source.AppendPayload(nil, []*kgo.Record{{
		Topic: "events", Partition: 2, Offset: 7, Timestamp: time.UnixMilli(1640995200000),
		Value: []byte(`{"n":1}`), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte{'a', 0x80}}},
	}})
	fmt.Println(strings.ReplaceAll(string(payload), `,"`, ",\n"+`"`))
	// Output:
	// {"eventSource":"aws:kafka",
	// "eventSourceArn":"",
	// "bootstrapServers":"localhost:9092",
	// "records":{"events-2":[{"topic":"events",
	// "partition":2,
	// "offset":7,
	// "timestamp":1640995200000,
	// "timestampType":"CREATE_TIME",
	// "value":"eyJuIjoxfQ==",
	// "headers":[{"ce_id":[97,-128]}]}]}}
}

// A handler in this process, behind a topic, until Ctrl-C.
func ExampleNew() {
	handle := func(_ context.Context, event events.KafkaEvent) error {
		for partition, records := range event.Records {
			fmt.Println(partition, len(records))
		}
		return nil
	}
	mapping, err := trigger.New(trigger.Config{
		Topic: "events", ConsumerGroup: "processor", FunctionTimeout: time.Minute,
		ClientOptions: []kgo.Opt{kgo.SeedBrokers("localhost:9092")},
	}, trigger.InProcess(lambda.NewHandler(handle), trigger.Function{Name: "processor"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := mapping.Run(ctx); err != nil {
		fmt.Println(err)
	}
}

// The real binary, as it is deployed, run once.
func ExampleNewRuntimeAPI() {
	function, err := trigger.NewRuntimeAPI(trigger.RuntimeConfig{
		Bootstrap: "bin/bootstrap", Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer function.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	response, err := function.Invoke(ctx, []byte(`{"records":{}}`))
	fmt.Println(string(response), err, function.FirstPoll())
}
