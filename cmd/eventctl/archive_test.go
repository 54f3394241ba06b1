package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/handlers"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

// archiveOf makes an archive of records, those of each topic in one object, and names it in the environment.
func archiveOf(t *testing.T, records ...event.Record) (folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Setenv("ARCHIVE_URL", "file://"+filepath.ToSlash(folder))
	a := archive.NewArchiver(objects.NewDirectory(folder))
	byTopic := map[string][]event.Record{}
	for _, r := range records {
		byTopic[r.Topic] = append(byTopic[r.Topic], r)
	}
	for topic, all := range byTopic {
		s := archive.Span{Topic: topic, First: all[0].Offset, Last: all[len(all)-1].Offset, Records: all}
		if err := a.Write(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

var tenOClock = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// order is an event as the archive has it, a minute after the one before. The headers come after its attributes.
func order(offset int64, id, eventType string, headers ...string) event.Record {
	r := event.Record{
		Place:     event.Place{Topic: "events", Offset: offset},
		Timestamp: tenOClock.Add(time.Duration(offset) * time.Minute), Key: []byte("key-" + id),
		Value: fmt.Appendf(nil, `{"n": %d.0 }`, offset),
	}
	attributes := []string{"ce_specversion", "1.0", "ce_id", id, "ce_source", "/test", "ce_type", eventType}
	for pair := range slices.Chunk(append(attributes, headers...), 2) {
		r.Headers = append(r.Headers, event.Header{Key: pair[0], Value: []byte(pair[1])})
	}
	return r
}

func orders() (all []event.Record) {
	for i, id := range []string{"a", "b", "c", "d", "e"} {
		all = append(all, order(int64(i), id, []string{"order.placed", "order.paid"}[i%2]))
	}
	return all
}

func TestArchiveCatPrintsWhatTheFiltersChoose(t *testing.T) {
	archiveOf(t, orders()...)
	for args, want := range map[string]string{
		"":                            "01234",
		"--type order.paid":           "13",
		"--type order.*":              "01234",
		"--key key-c":                 "2",
		"--source /test --max 2":      "01",
		"--source /other":             "",
		"--from 2026-01-31T10:02:00Z": "234",
		"--from 2026-01-31T10:01:00Z --to 2026-01-31T10:03:00Z": "12",
		"--topic other": "",
	} {
		out, _ := must(t, strings.Fields("archive cat "+args)...)
		got := ""
		for line := range strings.Lines(out) {
			var r struct{ Offset int64 }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprint(r.Offset)
		}
		if got != want {
			t.Errorf("archive cat %s prints %q", args, got)
		}
	}
}

func TestArchiveVerifyFailsWhereAnythingIsWrong(t *testing.T) {
	folder := archiveOf(t, orders()...)
	out, _ := must(t, "archive", "verify", "--output", "json")
	var a archive.Account
	if err := json.Unmarshal([]byte(out), &a); err != nil || a.Records != 5 || a.Objects != 1 {
		t.Errorf("it prints %s (%v)", out, err)
	}
	if out, _ := must(t, "archive", "verify"); !strings.Contains(out, "events  0          1        5") {
		t.Errorf("the table is\n%s", out)
	}
	var object string
	for name := range objects.NewDirectory(folder).List(t.Context(), "", "") {
		object = filepath.Join(folder, filepath.FromSlash(name))
	}
	if err := os.Truncate(object, 40); err != nil {
		t.Fatal(err)
	}
	_, said, err := eventctl(t, "archive", "verify")
	if !errors.Is(err, errUnsound) || !strings.Contains(said, "is damaged") {
		t.Errorf("of a damaged object it says %v\n%s", err, said)
	}
	if _, _, err := eventctl(t, "archive", "cat"); !errors.As(err, new(*archive.DamagedError)) {
		t.Errorf("reading a damaged object ends with %v", err)
	}
	t.Setenv("ARCHIVE_URL", "file:///nowhere/at/all")
	if _, _, err := eventctl(t, "archive", "verify"); !errors.Is(err, errUnsound) {
		t.Errorf("of no archive it says %v", err)
	}
	t.Setenv("ARCHIVE_URL", "")
	if _, _, err := eventctl(t, "archive", "verify"); !errors.Is(err, settings.ErrEnvironment) {
		t.Errorf("without ARCHIVE_URL it says %v", err)
	}
}

func TestArchiveReplayBringsEventsBackAndGoesOnWhereItWasEnded(t *testing.T) {
	b := newBroker(t)
	archiveOf(t, orders()...)
	if _, _, err := eventctl(t, "archive", "replay"); !errors.Is(err, errUsage) {
		t.Errorf("into the processor's topic, unasked, it ends with %v", err)
	}
	said, _ := must(t, "archive", "replay", "--type", "order.paid", "--dry-run")
	if !strings.HasPrefix(said, "dry run: 2 records") || len(b.ids("events")) != 0 {
		t.Errorf("the dry run says %s", said)
	}
	state := filepath.Join(t.TempDir(), "state.json")
	must(t, "archive", "replay", "--yes", "--state", state, "--max", "2")
	if got := b.ids("events"); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("at first there are %q", got)
	}
	must(t, "archive", "replay", "--yes", "--state", state)
	if got := b.ids("events"); !slices.Equal(got, []string{"a", "b", "b", "c", "d", "e"}) {
		t.Errorf("in the end there are %q", got)
	}
	_, _, err := eventctl(t, "archive", "replay", "--state", state, "--to-topic", "recovery")
	if !errors.Is(err, errUsage) {
		t.Errorf("with the state of another replay it ends with %v", err)
	}
	must(t, "archive", "replay", "--to-topic", "recovery", "--from", "2026-01-31T10:03:00Z")
	if got := b.ids("recovery"); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("of a range there are %q", got)
	}
}

func TestAForeignRecordStaysTheSameEventWhenItComesFromTheArchive(t *testing.T) {
	b := newBroker(t)
	foreign := event.Record{Place: event.Place{Topic: "events", Offset: 7}, Timestamp: tenOClock, Value: []byte("v")}
	archiveOf(t, foreign)
	must(t, "archive", "replay", "--to-topic", "recovery")
	records := b.records("recovery")
	if len(records) != 1 {
		t.Fatalf("there are %d records", len(records))
	}
	r := event.Record{Place: event.Place{Topic: "recovery", Offset: records[0].Offset}, Value: records[0].Value}
	for _, h := range records[0].Headers {
		r.Headers = append(r.Headers, event.Header(h))
	}
	if e, err := processor.Decode(&r, ""); err != nil || e.ID != foreign.PlaceID() {
		t.Errorf("it is %q, and was %q (%v)", e.ID, foreign.PlaceID(), err)
	}
}

func TestAuditLooksThroughTheTopicsOfAllProcessors(t *testing.T) {
	own := handlers.Sets
	t.Cleanup(func() { handlers.Sets = own })
	handlers.Sets = append(slices.Clone(own), processor.Set{Name: "audit", Register: own[0].Register})
	t.Setenv("TOPIC_ROUTES", "order.*=orders")
	t.Setenv("PROCESSOR_TOPICS", "audit=orders")
	first := order(1, "a", "order.placed")
	letter := order(2, "a", "order.placed", "dlq-original-topic", "orders", "dlq-original-partition", "0",
		"dlq-original-offset", "1", "dlq-original-timestamp", "1769853660000", "dlq-error", "boom", "dlq-attempts", "5",
		"dlq-failed-at", "2026-01-31T10:02:00Z", "dlq-hops", "1", "dlq-version", "2", "dlq-processor", "audit")
	first.Topic, letter.Topic = "orders", "events.dlq.audit"
	archiveOf(t, first, letter)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := map[string]string{"": "processed", "audit": "dead-lettered"}[r.FormValue("processor")]
		fmt.Fprintf(w, `{"status":%q,"attempts":1,"completed_at":"2026-01-31T10:10:00Z"}`, status)
	}))
	defer api.Close()
	out, _ := must(t, "audit", "a", "--source", "/test", "--url", api.URL)
	got := ""
	for line := range strings.Lines(out) {
		got += strings.Join(strings.Fields(line)[1:], " ") + "\n"
	}
	want := "of /test, type order.placed\n" + "STATE PLACE PROCESSOR ATTEMPTS REPLAYS ERROR\n" +
		"accepted orders/0/1 - 0 0\n" + "dead-lettered events.dlq.audit/0/2 audit 5 0 boom\n" + "processed - - 1 0\n"
	if got != want {
		t.Errorf("its life is\n%s, want\n%s", got, want)
	}
}

func TestAuditTellsAnEventsLifeFromItsRecordsAndItsOutcome(t *testing.T) {
	letter := order(3, "a", "order.placed", "dlq-original-topic", "events", "dlq-original-partition", "0",
		"dlq-original-offset", "1", "dlq-original-timestamp", "1769853660000", "dlq-error", "boom", "dlq-attempts", "5",
		"dlq-failed-at", "2026-01-31T10:02:00Z", "dlq-hops", "1", "dlq-version", "2")
	letter.Topic = "events.dlq"
	again := order(9, "a", "order.placed", "dlq-original-topic", "events", "dlq-original-partition", "0",
		"dlq-original-offset", "1", "dlq-original-timestamp", "1769853660000", "dlq-hops", "1", "dlq-version", "2")
	first, other, second := order(1, "a", "order.placed"), order(2, "b", "order.placed"), order(4, "a", "order.placed")
	archiveOf(t, first, other, second, again, letter)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"status":"processed","attempts":1,"completed_at":"2026-01-31T10:10:00Z"}`)
	}))
	defer api.Close()
	out, _ := must(t, "audit", "a", "--source", "/test", "--url", api.URL, "--output", "json")
	var report auditReport
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	life := ""
	for _, s := range report.Steps {
		life += s.State + s.At.Format(" 15:04") + ", "
	}
	const want = "accepted 10:01, dead-lettered 10:02, copy 10:04, replayed 10:09, processed 10:10, "
	if life != want || report.Type != "order.placed" || report.Steps[1].Error != "boom" || report.Steps[1].Attempts != 5 {
		t.Errorf("its life is %s\n%s", life, out)
	}
	table, _ := must(t, "audit", "a", "--source", "/test", "--url", api.URL)
	if !strings.Contains(table, "2026-01-31T10:02:00.000Z  dead-lettered  events.dlq/0/3") {
		t.Errorf("the table is\n%s", table)
	}
	api.Close()
	if out, said := must(t, "audit", "b", "--source", "/test", "--url", api.URL); !strings.Contains(out, "accepted") ||
		!strings.Contains(said, "ask the API") {
		t.Errorf("without the API it prints\n%s%s", out, said)
	}
	if _, _, err := eventctl(t, "audit", "x", "--source", "/test", "--url", api.URL); err == nil {
		t.Error("an event that nobody knows is no error")
	}
}
