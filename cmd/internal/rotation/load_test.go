package rotation_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
)

type taker struct{}

func (taker) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	return make([]event.Receipt, len(events))
}
func (taker) Check(context.Context) error { return nil }

type forgetful struct{}

func (forgetful) Outcome(context.Context, event.Identity) (event.Outcome, bool, error) {
	return event.Outcome{}, false, nil
}
func (forgetful) Check(context.Context) error { return nil }

// task is an API that reads its keys again each so often, as its tasks do each minute.
func task(t *testing.T, v *vault, each time.Duration) (url string) {
	t.Helper()
	server := api.New(api.Config{Clients: api.Clients{}}, taker{}, forgetful{}, slog.New(slog.DiscardHandler))
	read := func() {
		clients, err := settings.ParseClients(v.current(keysID))
		if err != nil {
			t.Error(err)
		}
		to := api.Clients{}
		for name, c := range clients {
			client := api.Client{Sources: c.Sources}
			for _, key := range c.Keys {
				client.Keys = append(client.Keys, api.Key(key))
			}
			to[name] = client
		}
		server.SetClients(to, "")
	}
	read()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(ctx, ln, time.Second) })
	running.Go(func() {
		for tick := time.NewTicker(each); ; {
			select {
			case <-tick.C:
				read()
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return "http://" + ln.Addr().String()
}

func post(url, key string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url+"/v1/events", strings.NewReader(`{"type":"t","source":"/shop/1"}`))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func TestKeysAreRotatedUnderLoadWithoutARefusedRequest(t *testing.T) {
	v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey})
	tasks := []string{task(t, v, 100*time.Millisecond), task(t, v, 400*time.Millisecond)}
	var sent, turn atomic.Int64
	stop := make(chan struct{})
	var posters sync.WaitGroup
	for range 4 {
		posters.Go(func() { // a client that reads its secret again now and then
			key, read := v.current(shopID), time.Now()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if time.Since(read) > 10*time.Millisecond {
					key, read = v.current(shopID), time.Now()
				}
				status, err := post(tasks[turn.Add(1)%2], key)
				if err != nil || status != http.StatusAccepted {
					t.Errorf("the answer is %d, %v", status, err)
					return
				}
				sent.Add(1)
			}
		})
	}
	r := newRotation(cfg, nil)
	r.Overlap, r.Settled = 2*time.Second, 700*time.Millisecond
	r.Known = func(_ context.Context, key string) (bool, error) {
		status, err := post(tasks[0], key) // always the same one, the quicker of the two
		return status == http.StatusAccepted, err
	}
	for i := range 3 {
		token := fmt.Sprintf("token-%d", i)
		v.begin(shopID, token)
		handle(t, r, token, steps...)
	}
	for _, url := range tasks {
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if status, _ := post(url, oldKey); status == http.StatusUnauthorized {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatal("the first key still works after the overlap")
			}
		}
	}
	close(stop)
	posters.Wait()
	if sent.Load() < 100 {
		t.Errorf("only %d requests were sent", sent.Load())
	}
	t.Logf("%d requests during three rotations, none refused", sent.Load())
}
