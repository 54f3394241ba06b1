package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/shred"
)

// keysOf names a folder of keys in the environment, and gives what encrypts with them.
func keysOf(t *testing.T) *shred.Ring {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("SUBJECT_KEYS", "file://"+filepath.ToSlash(folder))
	return shred.NewRing(shred.NewFolder(folder), shred.Types{"secret.*"}, time.Minute)
}

// sealed is a record of a person's event; its data is encrypted if its type begins with secret.
func sealed(t *testing.T, ring *shred.Ring, id, eventType, subject string) event.Record {
	t.Helper()
	e := event.Event{ID: id, Source: "/test", Type: eventType, Subject: subject, DataContentType: "application/json",
		Data: []byte(`{"name":"Lovelace"}`)}
	if err := ring.Seal(t.Context(), &e); err != nil {
		t.Fatal(err)
	}
	r := event.Record{Place: event.Place{Topic: "events"}, Timestamp: tenOClock, Key: []byte(subject), Value: e.Data}
	r.Headers, _ = event.AppendHeaders[event.Header](nil, nil, &e)
	return r
}

func produced(topic string, r event.Record) *kgo.Record {
	out := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader(h))
	}
	return out
}

func TestForgetDeletesTheKeysAndItsReceiptSaysWhatIsLeft(t *testing.T) {
	b, ring := newBroker(t), keysOf(t)
	b.put(produced("events", sealed(t, ring, "1", "secret.order", "ada")),
		produced("events", sealed(t, ring, "2", "secret.order", "eve")),
		produced("events", sealed(t, ring, "3", "open.order", "ada")),
		produced("events.dlq", sealed(t, ring, "1", "secret.order", "ada")))
	if _, _, err := eventctl(t, "forget", "ada"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("without --yes: %v", err)
	}
	_, _, err := eventctl(t, "forget", "nobody", "--yes")
	if err == nil || !strings.Contains(err.Error(), "never had a key") {
		t.Errorf("of nobody: %v", err)
	}
	var first, second forgetReceipt
	for _, receipt := range []*forgetReceipt{&first, &second} { // it may be run again
		out, _ := must(t, "forget", "ada", "--yes", "--output", "json")
		if err := json.Unmarshal([]byte(out), receipt); err != nil {
			t.Fatal(err)
		}
	}
	if len(first.Keys) != 1 || first.Keys[0] != second.Keys[0] || !first.Looked || first.Encrypted != 2 ||
		first.Letters != 1 || len(first.InClear) != 1 || first.InClear["open.order"] != 1 || len(first.NotDone) != 1 {
		t.Errorf("the receipts are %+v and %+v", first, second)
	}
	out, _ := must(t, "forget", "ada", "--yes")
	for _, part := range []string{`subject "ada" is forgotten`, "key " + first.Keys[0].Key + ": deleted at ",
		"nobody can read any more: 2, of which 1 are dead letters", "still readable: 1 records of type open.order",
		"not done: texts of errors in outcomes", "not done: texts of errors in the headers"} {
		if !strings.Contains(out, part) {
			t.Errorf("the receipt lacks %q:\n%s", part, out)
		}
	}
	t.Setenv("SUBJECT_KEYS", "")
	if _, _, err := eventctl(t, "forget", "ada", "--yes"); err == nil || !strings.Contains(err.Error(), "SUBJECT_KEYS") {
		t.Errorf("without a store of keys: %v", err)
	}
}

func TestArchivedAndDeadDataIsDecryptedOnRequestUntilItsSubjectIsForgotten(t *testing.T) {
	b, ring := newBroker(t), keysOf(t)
	ada, eve := sealed(t, ring, "1", "secret.order", "ada"), sealed(t, ring, "2", "secret.order", "eve")
	eve.Offset = 1
	archiveOf(t, ada, eve)
	b.put(produced("events.dlq", ada))
	if out, _ := must(t, "archive", "cat"); strings.Contains(out, "Lovelace") {
		t.Errorf("unasked, the archive shows %s", out)
	}
	out, _ := must(t, "archive", "cat", "--decrypt")
	if strings.Count(out, "Lovelace") != 2 || strings.Contains(out, event.AttrDataKey) ||
		strings.Count(out, `"application/json"`) != 2 {
		t.Errorf("decrypted, the archive shows %s", out)
	}
	if out, _ := must(t, "dlq", "show", "--decrypt"); !strings.Contains(out, "Lovelace") {
		t.Errorf("decrypted, the letter is %s", out)
	}
	must(t, "forget", "ada", "--yes", "--keys-only")
	out, said := must(t, "archive", "cat", "--decrypt")
	if strings.Count(out, "Lovelace") != 1 || strings.Count(out, "\n") != 2 || !strings.Contains(said, "forgotten") {
		t.Errorf("then the archive shows %s, and says %s", out, said)
	}
	t.Setenv("SUBJECT_KEYS", "")
	if _, _, err := eventctl(t, "archive", "cat", "--decrypt"); err == nil {
		t.Error("without a store of keys it decrypts")
	}
}
