package archive

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// written archives records of a partition as one span.
func written(t *testing.T, b *bucket, records ...event.Record) {
	t.Helper()
	first, last := records[0], records[len(records)-1]
	s := Span{first.Topic, first.Partition, first.Offset, last.Offset, records}
	if err := NewArchiver(b).Write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func record(offset int64, at time.Time, value string) event.Record {
	return event.Record{Place: event.Place{Topic: "events", Offset: offset}, Timestamp: at, Value: []byte(value)}
}

func TestAnObjectsNameSaysWhatItHolds(t *testing.T) {
	b := newBucket()
	written(t, b, record(7, noon.Add(59*time.Minute), "a"), record(9, noon.Add(60*time.Minute), "b"),
		record(10, noon.Add(59*time.Minute), "c"))
	want := []string{
		"archive/v1/topic=events/date=2026-03-29/hour=12/partition=0/00000000000000000007-00000000000000000007.jsonl.zst",
		"archive/v1/topic=events/date=2026-03-29/hour=13/partition=0/00000000000000000008-00000000000000000010.jsonl.zst",
	}
	if got := b.names(); !slices.Equal(got, want) {
		t.Errorf("the names are %q", got)
	}
}

func TestClocksThatJumpMakeOneObjectThatEverySearchReads(t *testing.T) {
	b, records := newBucket(), []event.Record(nil)
	for i := range 1000 {
		records = append(records, record(int64(i), noon.Add(time.Duration(i*7919%500)*time.Hour), "x"))
	}
	written(t, b, records...)
	if names := b.names(); len(names) != 1 || !strings.Contains(names[0], "date=mixed") {
		t.Fatalf("the names are %q", names)
	}
	written(t, b, record(1000, noon.Add(10_000*time.Hour), "later")) // behind which a listing ends
	from := noon.Add(100 * time.Hour)
	got, problems := readAll(t, b, Range{"events", from, from.Add(time.Hour)})
	if len(got[0]) != 2 || problems != nil {
		t.Errorf("one hour of 500 has %d of 1000 records, %v", len(got[0]), problems)
	}
}

func TestASearchByTimeFindsExactlyTheRecordsOfThatTime(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	b := newBucket()
	l := newLog(r, "events", 0, 2000, 4*time.Minute, 500)
	l.deliver(t, r, NewArchiver(b))
	for range 100 {
		within := Range{Topic: "events", From: noon.Add(time.Duration(r.Int64N(int64(60 * time.Hour))))}
		if r.IntN(4) > 0 {
			within.To = within.From.Add(time.Duration(r.Int64N(int64(9 * time.Hour))))
		}
		var want []event.Record
		for i := range l.records {
			if within.holds(&l.records[i]) {
				want = append(want, l.records[i])
			}
		}
		got, problems := readAll(t, b, within)
		if diff := differs(want, got[0]); diff != "" || problems != nil {
			t.Fatalf("from %s to %s, %v:\n%.2000s", within.From, within.To, problems, diff)
		}
	}
}

func TestMarkersAreNoGapAndWhatWasNeverArchivedIs(t *testing.T) {
	b := newBucket()
	a := NewArchiver(b)
	for _, s := range []Span{
		{"events", 0, 5, 9, []event.Record{record(5, noon, "a"), record(7, noon, "b")}}, // 6, 8 and 9 are markers
		{"events", 0, 10, 10, nil}, // nothing but a marker
		{"events", 0, 11, 12, []event.Record{record(12, noon, "c")}},
	} {
		if err := a.Write(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	accounts, problems := verified(t, b)
	want := Account{Topic: "events", Objects: 3, Records: 3, First: 5, Last: 12}
	if problems != nil || accounts[0] != want {
		t.Fatalf("with markers it is %+v, %v", accounts, problems)
	}
	written(t, b, record(20, noon, "d"))
	accounts, problems = verified(t, b)
	if len(problems) != 1 || accounts[0].Missing != 7 ||
		problems[0].Error() != "topic events partition 0: nothing is archived of 7 offsets, 13 to 19" {
		t.Errorf("with a gap it is %+v, %v", accounts, problems)
	}
}

func TestATopicThatIsCreatedAgainKeepsTheRecordsOfBoth(t *testing.T) {
	b := newBucket()
	old, young := record(0, noon, "old"), record(0, noon.Add(time.Second), "young")
	written(t, b, old)
	written(t, b, young)
	written(t, b, young)
	written(t, b, old)
	got, problems := readAll(t, b, Range{Topic: "events"})
	if len(got[0]) != 2 || problems != nil {
		t.Errorf("it has %+v, %v", got, problems)
	}
	if accounts, problems := verified(t, b); accounts[0].Again != 1 || accounts[0].Objects != 2 || problems != nil {
		t.Errorf("the account is %+v, %v", accounts, problems)
	}
}

func TestADamagedObjectIsNamedAndTheOthersAreRead(t *testing.T) {
	for what, damage := range map[string]func([]byte) []byte{
		"a bit":  func(body []byte) []byte { body[len(body)/2] ^= 4; return body },
		"a half": func(body []byte) []byte { return body[:len(body)/2] },
		"all":    func([]byte) []byte { return nil },
		"other":  func([]byte) []byte { return []byte("<html>") },
	} {
		b := newBucket()
		for i := range 3 {
			written(t, b, record(int64(10*i), noon, strings.Repeat("abc", 50)), record(int64(10*i+9), noon, "b"))
		}
		name := b.names()[1]
		b.objects[name] = damage(bytes.Clone(b.objects[name]))
		got, problems := readAll(t, b, Range{Topic: "events"})
		var damaged *DamagedError
		if len(got[0]) != 4 || len(problems) != 1 || !errors.As(problems[0], &damaged) || damaged.Name != name {
			t.Errorf("%s: there are %d records and %v", what, len(got[0]), problems)
		}
		accounts, problems := verified(t, b)
		if accounts[0].Damaged != 1 || accounts[0].Missing != 0 || len(problems) != 1 {
			t.Errorf("%s: the account is %+v, %v", what, accounts, problems)
		}
		written(t, b, record(10, noon, strings.Repeat("abc", 50)), record(19, noon, "b")) // from Kafka, which has them yet
		if got, _ := readAll(t, b, Range{Topic: "events"}); len(got[0]) != 6 {
			t.Errorf("%s: archived once more there are %d records", what, len(got[0]))
		}
	}
}

func TestRecordsOfAnotherPlaceAreDamage(t *testing.T) {
	b := newBucket()
	written(t, b, record(1, noon, "a"), record(2, noon, "b"))
	name := b.names()[0]
	for _, other := range []string{strings.Replace(name, "0001-", "0002-", 1), strings.Replace(name, "on=0", "on=1", 1)} {
		b.objects = map[string][]byte{other: b.objects[name], name: b.objects[name]}
		if _, problems := verified(t, b); len(problems) == 0 {
			t.Errorf("%s passes for sound", other)
		}
	}
}

func TestAnArchiveOfAnotherVersionIsNotReadInPart(t *testing.T) {
	for _, foreign := range []string{
		"archive/v2/topic=events/x", "archive/v0/x", "archive/README", "archive/v10/x",
		"archive/v1/topic=events/date=2026-03-29/hour=12/partition=0/00000000000000000009.parquet",
	} {
		b := newBucket()
		written(t, b, record(1, noon, "a"))
		b.objects[foreign] = []byte("x")
		var version *VersionError
		if _, problems := readAll(t, b, Range{Topic: "events"}); len(problems) != 1 || !errors.As(problems[0], &version) ||
			version.Name != foreign {
			t.Errorf("%s: reading says %v", foreign, problems)
		}
		accounts, problems := verified(t, b)
		if len(problems) != 1 || !errors.As(problems[0], &version) || len(accounts) != 1 || accounts[0].Records != 1 {
			t.Errorf("%s: verifying says %+v, %v", foreign, accounts, problems)
		}
	}
}

func TestARecordOf8MBIsArchived(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	large := make([]byte, 8<<20)
	for i := range large {
		large[i] = byte(r.Uint32())
	}
	b := newBucket()
	written(t, b, record(1, noon, "a"), record(2, noon, string(large)), record(3, noon, "b"))
	got, problems := readAll(t, b, Range{Topic: "events"})
	if len(got[0]) != 3 || !bytes.Equal(got[0][1].Value, large) || problems != nil {
		t.Errorf("there are %d records, %v", len(got[0]), problems)
	}
}

func TestAWriteThatFailsSaysWhy(t *testing.T) {
	b := newBucket()
	b.fail = func() (bool, error) { return false, fmt.Errorf("put: %w", errAway) }
	err := NewArchiver(b).Write(t.Context(), Span{"events", 0, 1, 1, []event.Record{record(1, noon, "a")}})
	if !errors.Is(err, errAway) {
		t.Errorf("it says %v", err)
	}
}

func TestAResumedReadingLeavesObjectsOutThatAreDone(t *testing.T) {
	b := newBucket()
	for i := range 10 {
		written(t, b, record(int64(i), noon, fmt.Sprint(i)))
	}
	contents, err := List(t.Context(), b, Range{Topic: "events"})
	if err != nil {
		t.Fatal(err)
	}
	contents.Skip(map[int32]int64{0: 8, 7: 1})
	if n := contents.Len(); n != 2 {
		t.Errorf("%d objects are left", n)
	}
}
