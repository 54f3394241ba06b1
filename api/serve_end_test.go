package api_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"event-processing-service/api"
)

// The end may come before the server has begun to accept: a program that is started and stopped at once.
func TestServeEndsThoughItIsEndedBeforeItBegins(t *testing.T) {
	for range 200 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := api.New(api.Config{}, nil, nil, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		cancel()
		go func() { ended <- s.Serve(ctx, ln, time.Second) }()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it serves on")
		}
	}
}
