package processor

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestADeadLetterKeepsTheRecordAndSaysWhatHappened(t *testing.T) {
	original := event.Record{
		Place: event.Place{Topic: "events", Partition: 3, Offset: 42}, Timestamp: time.UnixMilli(1767225600123),
		Key: []byte("k\x00\xff"), Value: []byte("\x00{not json\xff"),
		Headers: []event.Header{{Key: "ce_id", Value: []byte("1")}, {Key: "dlq-custom", Value: []byte("not ours")},
			{Key: "", Value: nil}, {Key: "ce_id", Value: []byte("2")}},
	}
	failed := failure{err: "connect to shop: " + strings.Repeat("é", 600) + "\xff", attempts: 5,
		at: time.Date(2026, 1, 1, 1, 0, 0, 500, time.FixedZone("", 3600))}
	first := newDeadLetter(&original, "events.dlq", failed)

	replayed := first
	replayed.Topic, replayed.Partition, replayed.Offset, replayed.Timestamp = "events", 3, 99,
		time.UnixMilli(1767225700000)
	second := newDeadLetter(&replayed, "events.dlq", failure{err: "still no", attempts: 1, at: failed.at.Add(time.Hour)})

	var b strings.Builder
	for _, r := range []event.Record{first, second,
		newDeadLetter(&event.Record{Place: event.Place{Topic: "events"}}, "events.dlq", failure{at: failed.at})} {
		fmt.Fprintf(&b, "%s partition %d key %q value %q\n", r.Topic, r.Partition, r.Key, r.Value)
		for _, h := range r.Headers {
			fmt.Fprintf(&b, "  %q: %q\n", h.Key, h.Value)
		}
	}
	const golden = "testdata/deadletters.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("dead letters (-want +got), -update to accept:\n%s", diff)
	}
}

func TestALetterThatIsTooLargeIsStoredWithoutItsLargePart(t *testing.T) {
	for name, test := range map[string]struct {
		value, header int
		omitted       string
	}{
		"the value is":    {2000, 10, "value"},
		"the headers are": {10, 2000, "key, value, headers"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			r.dead.fail = func(letter event.Record) error {
				size := len(letter.Value)
				for _, h := range letter.Headers {
					size += len(h.Value)
				}
				if size > 1000 {
					return fmt.Errorf("store record: %w", &event.PublishError{Failure: event.FailureTooLarge, Err: errNo})
				}
				return nil
			}
			var log bytes.Buffer
			r.log = slog.New(slog.NewTextHandler(&log, nil))
			large := event.Record{
				Place: event.Place{Topic: "events", Partition: 0, Offset: 7}, Key: []byte("k"),
				Value:   bytes.Repeat([]byte("v"), test.value),
				Headers: []event.Header{{Key: "ce_id", Value: bytes.Repeat([]byte("h"), test.header)}},
			}
			behind := record(8, "k", "8", "other")
			if _, err := r.deliver(t.Context(), t, batchOf(payloadRecord(large), behind)); err != nil {
				t.Fatal(err)
			}
			letters := r.dead.all()
			if len(letters) != 1 {
				t.Fatalf("%d dead letters, want 1", len(letters))
			}
			says, ok := ReadDeadLetter(&letters[0])
			if !ok || says.Omitted != test.omitted || says.Origin.Place != large.Place || letters[0].Value != nil {
				t.Errorf("the letter says %+v and has a value of %d bytes", says, len(letters[0].Value))
			}
			if _, ok := Replay(&letters[0]); ok {
				t.Error("a letter without its value is replayed as a tombstone")
			}
			if o := r.outcome(t, "/test", "8"); o.Status != event.StatusProcessed {
				t.Errorf("the event behind it is %q", o.Status)
			}
			if !strings.Contains(log.String(), "without its value") {
				t.Errorf("the log does not have it: %s", &log)
			}
		})
	}
}

func TestALetterAndItsReplayDistinguishAnEmptyKeyOrValueFromNone(t *testing.T) {
	for members, want := range map[string][2]bool{`,"key":"","value":""`: {false, false}, `,"key":null`: {true, true},
		``: {true, true}, `,"key":"","value":null`: {false, true}} {
		r := newRig()
		text := `{"records":{"events-0":[{"topic":"events","headers":[{"ce_id":[49]}]` + members + `}]}}`
		if _, err := payload.Function(r.build(t).Handle).Invoke(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		letter := r.dead.all()[0]
		again, _ := Replay(&letter)
		for name, record := range map[string]event.Record{"letter": letter, "replay": again} {
			if got := [2]bool{record.Key == nil, record.Value == nil}; got != want || len(record.Key)+len(record.Value) != 0 {
				t.Errorf("the %s of %q has key %#v and value %#v", name, members, record.Key, record.Value)
			}
		}
	}
}

func TestInvalidHopsCountAsNone(t *testing.T) {
	for value, want := range map[string]int{"": 0, "x": 0, "-1": 0, "2147483648": 0, "1.5": 0, "7": 7, "100": 100,
		"101": 0, "1073741823": 0} {
		r := lettered(original())
		r.Headers = append(r.Headers, event.Header{Key: headerHops, Value: []byte(value)})
		if got := hops(&r); got != want {
			t.Errorf("hops of %q are %d, want %d", value, got, want)
		}
	}
}

// Other systems have dead letters, too, and may publish records with such headers to the topic of the events.
func TestAHeaderOfADeadLetterByItselfChangesNothingOfAnEvent(t *testing.T) {
	id := event.Event{Source: event.ForeignSource("events"), ID: "events/1/3"}
	for _, key := range deadLetterHeaders {
		r := event.Record{Place: event.Place{Topic: "events", Partition: 1, Offset: 3}, Value: []byte(`{"id":"order-1"}`),
			Headers: []event.Header{{Key: key, Value: []byte("7")}}}
		if e, err := Decode(&r, ""); err != nil || e.Identity() != id.Identity() {
			t.Errorf("with %s it is known as %v (%v)", key, e.Identity(), err)
		}
		if n, to := hops(&r), addressee(&r); n != 0 || to != Everybody {
			t.Errorf("with %s it has %d hops and is for processor %q", key, n, to)
		}
		letter := newDeadLetter(&r, "events.dlq", failure{err: "no"})
		if d, ok := ReadDeadLetter(&letter); !ok || d.Hops != 1 || d.Origin.Place != r.Place {
			t.Errorf("with %s its letter says %+v, %t", key, d, ok)
		}
	}
}

func TestALetterOfARecordThatClaimsTheMostHopsIsReadAsALetter(t *testing.T) {
	r := lettered(original())
	r.Headers = append(r.Headers, event.Header{Key: headerHops, Value: []byte("100")})
	letter := lettered(r)
	if d, ok := ReadDeadLetter(&letter); !ok || d.Hops != 100 || d.Origin.Offset != 7 {
		t.Errorf("it says %+v, %t", d, ok)
	}
}

func TestARecordThatIsNotAnEventIsDeadLetteredAtOnce(t *testing.T) {
	r := newRig()
	r.mux.Default(HandlerFunc(func(context.Context, event.Event) error {
		t.Error("a handler was called")
		return nil
	}))
	bad := payloadRecord(event.Record{
		Place: event.Place{Topic: "events", Offset: 1}, Key: []byte("k"), Value: []byte("\x00\xff"),
		Headers: []event.Header{{Key: "ce_id", Value: []byte("1")}},
	})
	for range 2 {
		if _, err := r.deliver(t.Context(), t, batchOf(bad)); err != nil {
			t.Fatal(err)
		}
	}
	letters := r.dead.all()
	if len(letters) != 1 || string(letters[0].Key) != "k" || string(letters[0].Value) != "\x00\xff" ||
		lastHeader(&letters[0], headerAttempts) != "0" {
		t.Errorf("dead letters are %+v, want the record once, after 0 attempts", letters)
	}
	if o := r.outcome(t, "/kafka/events", "events/0/1"); o.Status != event.StatusDeadLettered || o.Attempts != 0 ||
		o.Type != "" || !strings.Contains(o.Reason, "ce_") {
		t.Errorf("outcome is %+v, want dead-lettered for a missing attribute", o)
	}
}

func TestABatchFailsWhenADeadLetterCannotBeStored(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprintf("partial batch response %t", partial), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.cfg.PartialBatchResponse = partial
				h, calls := failing(100, errNo)
				r.mux.Handle("bad", h)
				down := errors.New("no broker")
				r.dead.fail = func(event.Record) error { return down }
				in := batchOf(record(1, "k", "1", "other"), record(2, "l", "2", "bad"), record(3, "l", "3", "other"),
					record(4, "m", "4", "other"))
				for range 2 { // the second time without calling the handler again
					response, err := r.deliver(invocation(t, time.Minute), t, in)
					if partial {
						if diff := cmp.Diff(failuresAt("events-0", 2, 3, 4), response.BatchItemFailures); diff != "" || err != nil {
							t.Fatalf("error %v, failures (-want +got):\n%s", err, diff)
						}
					} else if !errors.Is(err, down) ||
						!strings.Contains(err.Error(), "2 of 4 records not finished, the first at offset 2 of events-0") {
						t.Fatalf("error is %v, want one that counts the records and names the first", err)
					}
				}
				if o := r.outcome(t, "/test", "3"); o.Status != "" {
					t.Errorf("the next event of the key is %s before the one ahead is safe", o.Status)
				}
				r.dead.fail = nil
				if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil {
					t.Fatal(err)
				}
				o := r.outcome(t, "/test", "2")
				if calls.Load() != 5 || r.dead.Len() != 1 || o.Attempts != 5 || o.Reason != "no" {
					t.Errorf("%d calls, %d dead letters, outcome %+v; want the handler's error after 5 calls", calls.Load(),
						r.dead.Len(), o)
				}
			})
		})
	}
}

func FuzzADeadLetterIsTheRecordByteForByte(f *testing.F) {
	f.Add([]byte("key"), []byte(`{"n":1}`), "ce_id", []byte("1"), "dlq-hops", []byte("1"))
	f.Add([]byte{}, []byte{0xff}, "dlq-original-topic", []byte("t"), "", []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte, name1 string, value1 []byte, name2 string, value2 []byte) {
		in := event.Record{Place: event.Place{Topic: "events"}, Key: key, Value: value,
			Headers: []event.Header{{Key: name1, Value: value1}, {Key: name2, Value: value2}}}
		if !utf8.ValidString(name1) || !utf8.ValidString(name2) {
			return // JSON can't hold it: Lambda writes U+FFFD
		}
		batch, err := payload.Parse(payloadOf(batchOf(payloadRecord(in))))
		if err != nil {
			t.Fatal(err)
		}
		decoded := batch.Partitions[0].Records[0].Decode()
		out := newDeadLetter(&decoded, "events.dlq", failure{err: string(value)})
		if !bytes.Equal(out.Key, key) || !bytes.Equal(out.Value, value) {
			t.Errorf("key %q and value %q became %q and %q", key, value, out.Key, out.Value)
		}
		kept := 0
		for _, h := range in.Headers {
			if slices.Contains(deadLetterHeaders, h.Key) {
				continue // replaced
			}
			if out.Headers[kept].Key != h.Key || !bytes.Equal(out.Headers[kept].Value, h.Value) {
				t.Errorf("header %d is %v, want %v", kept, out.Headers[kept], h)
			}
			kept++
		}
		more := len(deadLetterHeaders) - 2 // nothing is omitted, and the first processor has no name
		if isOldLetter(&decoded) {
			more-- // the version, which decides about its identity, is missing
		}
		if len(out.Headers) != kept+more {
			t.Errorf("%d headers, want %d of the record and %d more", len(out.Headers), kept, more)
		}
		if h := hops(&out); h < 1 {
			t.Errorf("a dead letter has %d hops", h)
		}
	})
}
