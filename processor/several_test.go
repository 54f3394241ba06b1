package processor

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
)

func counting(calls *int) HandlerFunc {
	return func(context.Context, event.Event) error {
		*calls++
		return nil
	}
}

func withHeader(r events.KafkaRecord, key, value string) events.KafkaRecord {
	r.Headers = append(r.Headers, map[string]events.JSONNumberBytes{key: events.JSONNumberBytes(value)})
	return r
}

// letterOf lets an event fail in the processor with this name, and returns the record of its replay.
func letterOf(t *testing.T, name string) (letter, again event.Record) {
	t.Helper()
	r := newRig()
	r.cfg.Name, r.cfg.MaxAttempts = name, 1
	fails, _ := failing(math.MaxInt64, errors.New("no"))
	r.mux.Handle("t", fails)
	if _, err := r.deliver(t.Context(), t, batchOf(record(1, "k", "1", "t"))); err != nil {
		t.Fatal(err)
	}
	letters := r.dead.all()
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	again, ok := Replay(&letters[0])
	if !ok {
		t.Fatal("the letter is not read")
	}
	again.Offset = 2
	return letters[0], again
}

func TestAReplayReachesOnlyTheProcessorWhoseLetterItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, owner := range []string{"", "audit", "billing"} {
			letter, again := letterOf(t, owner)
			if says, _ := ReadDeadLetter(&letter); says.Processor != owner {
				t.Errorf("the letter of %q names processor %q", owner, says.Processor)
			}
			for _, reader := range []string{"", "audit", "billing"} {
				r := newRig()
				r.cfg.Name = reader
				calls := 0
				r.mux.Handle("t", counting(&calls))
				if _, err := r.deliver(t.Context(), t, batchOf(payloadRecord(again))); err != nil {
					t.Fatal(err)
				}
				want := 0
				if reader == owner {
					want = 1
				}
				if known := r.outcome(t, "/test", "1").Status != ""; calls != want || known != (want == 1) {
					t.Errorf("the replay of a letter of %q: %q called its handler %d times, and remembers it: %t",
						owner, reader, calls, known)
				}
			}
		}
	})
}

func TestARecordThatIsNotAReplayIsForEveryProcessor(t *testing.T) {
	foreign := event.Record{Place: event.Place{Topic: "events", Partition: 1, Offset: 3}, Value: []byte("hello")}
	for name, in := range map[string]events.KafkaRecord{
		"an event":                  record(1, "k", "1", "t"),
		"a record of no event":      payloadRecord(foreign),
		"the copy of such a one":    payloadRecord(Copy(&foreign, Everybody)),
		"somebody else's hop count": withHeader(record(1, "k", "1", "t"), headerHops, "many"),
		"somebody else's processor": withHeader(record(1, "k", "1", "t"), headerProcessor, "billing"),
	} {
		for _, reader := range []string{"", "audit"} {
			r := newRig()
			r.cfg.Name = reader
			calls := 0
			r.mux.Default(counting(&calls))
			if _, err := r.deliver(t.Context(), t, batchOf(in)); err != nil || calls != 1 {
				t.Errorf("%s: processor %q calls its handler %d times: %v", name, reader, calls, err)
			}
		}
	}
}

func TestACopyCanBeAddressedToOneProcessor(t *testing.T) {
	plain := original()
	foreign := event.Record{Place: event.Place{Topic: "events", Partition: 1, Offset: 3}, Value: []byte("hello")}
	_, replay := letterOf(t, "billing")
	forged := original()
	forged.Headers = append(forged.Headers, event.Header{Key: headerHops, Value: []byte("many")})
	for name, r := range map[string]event.Record{
		"an event": plain, "of no event": foreign, "a replay": replay, "with another's header": forged,
	} {
		copied := Copy(&r, "audit")
		if to := addressee(&copied); to != "audit" {
			t.Errorf("%s: the copy is for %q", name, to)
		}
		if a, b := identityOf(r), identityOf(copied); a != b {
			t.Errorf("%s: the copy of %v is %v", name, a, b)
		}
	}
	if copied := Copy(&plain, "audit"); hops(&copied) != 0 {
		t.Error("the copy of an event is taken for a new try, and would take effect again")
	}
	if copied := Copy(&replay, Everybody); addressee(&copied) != "billing" {
		t.Errorf("the copy of another's replay is for %q", addressee(&copied))
	}
}

// Letters of the first processor have not changed, so that older letters stay valid.
func TestTheFirstProcessorsLettersNameNoProcessor(t *testing.T) {
	letter, again := letterOf(t, "")
	for _, r := range []event.Record{letter, again} {
		for _, h := range r.Headers {
			if h.Key == headerProcessor {
				t.Errorf("%s is %q", h.Key, h.Value)
			}
		}
	}
}

func TestALetterNamesTheProcessorThatGaveItUpLast(t *testing.T) {
	_, again := letterOf(t, "audit")
	copied := Copy(&again, "billing")
	letter := newDeadLetter(&copied, "events.dlq", failure{processor: "billing"})
	says, _ := ReadDeadLetter(&letter)
	if got := headersNamed(letter, headerProcessor); says.Processor != "billing" || got[0] != "billing" {
		t.Errorf("it is of %q", says.Processor)
	}
}
