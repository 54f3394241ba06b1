package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// serve is the main function of a child: a minimal server.
func serve(variant string) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 8 << 20})
	app.Get("/health/live", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	switch variant {
	case "fiber":
		app.Post("/v1/events", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusAccepted) })
	case "limit":
		client, err := limitClient()
		if err != nil {
			return err
		}
		defer client.Close()
		app.Post("/v1/events", limitHandler(client, os.Getenv("KAFKA_TOPIC")))
	case "table":
		app.Post("/", answerAtOnce)
	default:
		return fmt.Errorf("there is no server %q", variant)
	}
	if port := os.Getenv("METRICS_PORT"); port != "0" {
		go func() { _ = http.ListenAndServe("127.0.0.1:"+port, promhttp.Handler()) }()
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	go func() { <-stopped; _ = app.Shutdown() }()
	return app.Listen("127.0.0.1:" + os.Getenv("PORT"))
}

// limitClient waits for all in-sync replicas and does not linger, as the service's own client.
func limitClient() (*kgo.Client, error) {
	opts, err := kafka.Options(kafka.Config{Brokers: kafka.ParseBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVERS")),
		Auth: kafka.AuthNone})
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, kgo.ProducerLinger(0), kgo.RequiredAcks(kgo.AllISRAcks()))...)
}

// limitHandler is the lower bound for every handler that keeps the promise: the body becomes a record unchanged, and
// the answer waits for the acknowledgement.
func limitHandler(client *kgo.Client, topic string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		done := make(chan error, 1)
		client.Produce(context.Background(), &kgo.Record{Topic: topic, Value: bytes.Clone(c.Body())},
			func(_ *kgo.Record, err error) { done <- err })
		if err := <-done; err != nil {
			return err
		}
		return c.SendStatus(fiber.StatusAccepted)
	}
}

// answerAtOnce replaces DynamoDB to measure the client alone: every write succeeds, and nothing is stored.
func answerAtOnce(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "application/x-amz-json-1.0")
	if !strings.HasSuffix(c.Get("X-Amz-Target"), ".BatchExecuteStatement") {
		return c.SendString("{}")
	}
	const each = `{"TableName":"events"},`
	answers := strings.Repeat(each, bytes.Count(c.Body(), []byte(`"Statement":`)))
	return c.SendString(`{"Responses":[` + strings.TrimSuffix(answers, ",") + `]}`)
}
