package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func at(partition int32, offset int64) event.Place {
	return event.Place{Topic: "t", Partition: partition, Offset: offset}
}

func TestWhatIsBehindTheArchivesEndsIsLostAndNamed(t *testing.T) {
	wiped := time.Now()
	ends := map[int32]int64{0: 10}
	saved, lost := split(map[string]receipt{
		"order-1": {at(0, 10), wiped.Add(-time.Hour)}, "order-2": {at(0, 12), wiped.Add(-time.Second)},
		"order-3": {at(0, 11), wiped.Add(-2 * time.Second)}, "order-4": {at(1, 0), wiped.Add(-time.Second)},
	}, ends)
	if _, ok := saved["order-1"]; !ok || len(saved) != 1 {
		t.Errorf("saved are %v", saved)
	}
	var r report
	r.nameLost(lost, ends, wiped, 4*time.Second)
	if len(r.Faults) > 0 || r.Lost != 3 {
		t.Errorf("%d are lost, faults are %q", r.Lost, r.Faults)
	}
	if got := fmt.Sprint(r.Tails[0].IDs, r.Tails[0].First, r.Tails[0].Last, r.Tails[0].ArchivedTo); got !=
		"[order-3 order-2] 11 12 10" {
		t.Errorf("of partition 0 is told %s", got)
	}
	if got := r.Tails[1]; got.ArchivedTo != -1 || got.Events != 1 {
		t.Errorf("of partition 1, of which nothing is archived, is told %+v", got)
	}
}

func TestAnEventThatTheArchiveHadTimeForMustNotBeLost(t *testing.T) {
	wiped := time.Now()
	var r report
	r.nameLost(map[string]receipt{"order-1": {at(0, 12), wiped.Add(-5 * time.Second)}}, nil, wiped, 4*time.Second)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "order-1 at t/0/12 was accepted 5s before the loss") {
		t.Errorf("faults are %q", r.Faults)
	}
}

func TestCopiesStrangersAndAWrongOrderAreFaults(t *testing.T) {
	record := func(id, key string) event.Record {
		r := event.Record{Key: []byte(key)}
		r.Headers, _ = event.AppendHeaders[event.Header](nil, nil, &event.Event{ID: id, Source: drillSource, Type: "t"})
		return r
	}
	for _, c := range []struct {
		records []event.Record
		twice   int
		fault   string
	}{
		{[]event.Record{record("order-1", "a"), record("order-9", "b"), record("order-3", "a")}, 0, ""},
		{[]event.Record{record("order-1", "a"), record("order-1", "a")}, 1, "order-1 comes twice"},
		{[]event.Record{record("order-3", "a"), record("order-1", "a")}, 0, "order-1 comes after number 3"},
		{[]event.Record{record("other", "a")}, 0, "other at /0/0 was never posted"},
	} {
		var r report
		r.countCopies(c.records, numberOf)
		said := strings.Join(r.Faults, "\n")
		if r.Twice != c.twice || (said == "") != (c.fault == "") || !strings.Contains(said, c.fault) {
			t.Errorf("%d come twice, faults are %q; want %d, %q", r.Twice, said, c.twice, c.fault)
		}
	}
}

func TestADrillIsRefusedInAStackAndSaysWhereToLook(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"replay prod", "the stack prod is left alone"},
		{"restore --load 1s", "--load must be 3s to 10m"},
		{"switch", "usage"},
		{"", "usage"},
		{"replay local more", "usage"},
	} {
		if _, err := parse(strings.Fields(c.args)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("drill %s: %v, want %q", c.args, err, c.says)
		}
	}
	if o, err := parse([]string{"restore", "--load", "5s", "local"}); err != nil || o.load != 5*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestWithoutPartsADrillDoesNotBegin(t *testing.T) {
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", "")
	if got := run(t.Context(), []string{"replay"}); got != 2 {
		t.Errorf("it exits %d", got)
	}
}

func TestTheReportSaysWhetherItIsSound(t *testing.T) {
	var text strings.Builder
	r := report{Drill: "replay"}
	if err := r.print(&text, false); err != nil || !strings.HasSuffix(text.String(), "\nsound\n") {
		t.Errorf("%v, %q", err, text.String())
	}
	text.Reset()
	r.fault("x")
	if err := r.print(&text, false); err != nil || !strings.HasSuffix(text.String(), "fault: x\nnot sound\n") {
		t.Errorf("%v, %q", err, text.String())
	}
	if err := r.print(io.Discard, true); err != nil {
		t.Error(err)
	}
}

// someOutcomes are those of some events.
type someOutcomes map[string]event.Outcome

func (s someOutcomes) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	o, known := s[id.ID]
	return o, known, nil
}

func TestOneEventThatNeverComesBackMakesNoOtherMissing(t *testing.T) {
	begun := time.Now().UTC()
	table := someOutcomes{}
	accepted, kept := map[string]receipt{}, map[event.Identity]time.Time{}
	for n := range 30 {
		id := idPrefix + strconv.Itoa(n)
		accepted[id] = receipt{Place: at(0, int64(n))}
		if n > 1 {
			table[id] = event.Outcome{Status: event.StatusProcessed, At: begun}
		}
		if n >= 20 {
			kept[event.Identity{Source: drillSource, ID: id}] = begun
		}
	}
	table[idPrefix+"1"] = event.Outcome{Status: event.StatusDeadLettered}
	var r report
	r.awaitOutcomes(t.Context(), table, accepted, kept, 10*time.Millisecond)
	if r.Missing != 2 || r.Restored != 18 || len(r.Faults) != 2 {
		t.Errorf("%d are missing and %d restored: %q", r.Missing, r.Restored, r.Faults)
	}
	table[idPrefix+"29"] = event.Outcome{Status: event.StatusProcessed, At: begun.Add(time.Second)}
	if err := r.compareKept(t.Context(), table, kept); err != nil || r.Twice != 1 {
		t.Errorf("%d took effect twice (%v)", r.Twice, err)
	}
}
