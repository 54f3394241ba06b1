package store

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// call is what DynamoDB is asked.
type call struct{ operation, input string }

// answering returns a store on a stand-in for DynamoDB that gives every call the same answer, and what it was asked.
func answering(t *testing.T, status int, body string) (*DynamoDB, <-chan call) {
	t.Helper()
	calls := make(chan call, maxTries)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		calls <- call{r.Header.Get("X-Amz-Target"), string(read)}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return at(server.URL, "events", time.Hour), calls
}

func TestACheckNeedsNoOtherRightThanReadingAnOutcome(t *testing.T) {
	d, calls := answering(t, http.StatusOK, `{}`)
	if _, _, err := d.Outcome(t.Context(), event.Identity{Source: "/test", ID: "1"}); err != nil {
		t.Fatal(err)
	}
	outcome := <-calls
	if err := d.Check(t.Context()); err != nil {
		t.Fatalf("a store that answers is said to be ill: %v", err)
	}
	if check := <-calls; check.operation != outcome.operation || !strings.Contains(check.input, `"events"`) {
		t.Errorf("it asks %+v, an outcome is read with %s", check, outcome.operation)
	}
}

func TestACheckFindsAStoreThatRefuses(t *testing.T) {
	for _, fault := range []string{"ResourceNotFoundException", "AccessDeniedException", "ValidationException"} {
		d, _ := answering(t, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#`+fault+`","message":"no"}`)
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), fault) ||
			!strings.Contains(err.Error(), "table events") {
			t.Errorf("with %s it gives %v, want an error that names the table", fault, err)
		}
	}
}

func TestACheckEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its queue for ever
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := at("http://"+silent.Addr().String(), "events", time.Hour).Check(ctx); !errors.Is(err,
		context.DeadlineExceeded) {
		t.Errorf("it gives %v, want the context's error", err)
	}
	if took := time.Since(began); took > tryTimeout {
		t.Errorf("it took %s", took)
	}
}

func TestATableIsWellFromItsCreationOn(t *testing.T) {
	d := local(t, "test-"+rand.Text(), time.Hour)
	if err := d.Check(t.Context()); err == nil {
		t.Error("a table that is not there is said to be well")
	}
	if _, err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("a new table is said to be ill: %v", err)
	}
}

func TestNoEventHasTheKeyThatIsNeverThere(t *testing.T) {
	for _, id := range []event.Identity{{}, {ID: neverKey}, {Source: neverKey}, {ID: "\xff"}} {
		if partitionKey(subject{Identity: id}) == neverKey {
			t.Errorf("%+v has it", id)
		}
	}
}
