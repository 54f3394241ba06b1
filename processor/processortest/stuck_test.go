package processortest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
)

const hangs = "KIT_TEST_HANGS"

// A connection that is kept open stops fake time, so the first retry would wait until go test gives up, and tell
// nothing.
func TestAHandlerThatWaitsForASocketIsNamed(t *testing.T) {
	if os.Getenv(hangs) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
		child.Env = append(os.Environ(), hangs+"=1")
		out, err := child.CombinedOutput()
		if err == nil || !strings.Contains(string(out), t.Name()+" hangs: fake time does not pass") ||
			!strings.Contains(string(out), "processortest.Service") {
			t.Errorf("it ends with %v and %.2000s", err, out)
		}
		return
	}
	processortest.SetStuckAfter(time.Second)
	calls := 0
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer shop.Close()
	register := processortest.Mux(func(mux *processor.Mux) {
		mux.HandleFunc("order.created", func(ctx context.Context, _ event.Event) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, shop.URL, nil)
			if err != nil {
				return err
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return context.DeadlineExceeded // tried again
			}
			return nil
		})
	})
	processortest.Run(t, register, func(k *processortest.Kit) {
		k.Deliver(event.Event{ID: "1", Source: "/s", Type: "order.created"})
	})
}
