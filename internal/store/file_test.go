package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

func opened(t *testing.T, path string) *File {
	t.Helper()
	f, err := OpenFile(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFile(t *testing.T) {
	testStore(t, func(t *testing.T, retention time.Duration) anyStore {
		f, err := OpenFile(filepath.Join(t.TempDir(), "outcomes"), retention)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	})
}

func TestAFileRemembersOverARestartWhatAMemoryDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outcomes")
	f := opened(t, path)
	claim := event.Claim{Identity: event.Identity{Source: "/s", ID: "held"}, Owner: "a", Lease: time.Minute}
	if _, err := f.Begin(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	hostile := event.Identity{Source: "/s\n00000000 {}", ID: "a \u2028 ☃"}
	dead := event.Outcome{
		Type: "t", Client: "c", Status: event.StatusDeadLettered, Attempts: 5, At: time.Now().UTC().Round(0),
		Reason: "no\nstock",
		Place:  event.Place{Topic: "events", Partition: 1, Offset: 7}, Letter: event.Place{Topic: "events.dlq", Offset: 3},
	}
	if _, err := f.Finish(t.Context(), event.Claim{Identity: hostile}, dead); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one reads what the first one compacted
		f = opened(t, path) // the one before was not closed, as of a process that was killed
		got, known, err := f.Outcome(t.Context(), hostile)
		want := dead
		want.Identity = hostile
		if diff := cmp.Diff(want, got); err != nil || !known || diff != "" {
			t.Errorf("known %t, %v (-want +got):\n%s", known, err, diff)
		}
		claim.Owner = "b"
		if r, err := f.Begin(t.Context(), claim); err != nil || r.Answer != event.Held {
			t.Errorf("what another process was at work on when it died is answered with %+v, %v", r, err)
		}
		if r, err := f.Begin(t.Context(), event.Claim{Identity: hostile, Owner: "c"}); err != nil || r.Answer != event.Done {
			t.Errorf("what is done is answered with %+v, %v", r, err)
		}
	}
}

func TestALineThatWasNeverAnsweredIsDroppedAndAnyOtherDamageIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outcomes")
	f := opened(t, path)
	for i := range 3 {
		c := event.Claim{Identity: event.Identity{Source: "/s", ID: fmt.Sprint(i)}}
		if _, err := f.Finish(t.Context(), c, processed); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	third := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	known := func(text []byte) (n int, err error) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path, time.Hour)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return len(f.entries), nil
	}
	for cut := third; cut < len(whole)-1; cut++ {
		if n, err := known(whole[:cut]); n != 2 || err != nil {
			t.Fatalf("with %d bytes of its last line it knows %d events, %v", cut-third, n, err)
		}
	}
	if n, err := known(whole[:len(whole)-1]); n != 3 || err != nil {
		t.Errorf("a last line that lacks its end alone is whole: it knows %d, %v", n, err)
	}
	for at := range whole[:third-1] {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x20
		_, err := known(damaged)
		if err == nil || !strings.Contains(err.Error(), path+" is damaged in line ") {
			t.Fatalf("with another byte %d it says %v", at, err)
		}
	}
}

func TestAFileDoesNotGrowWithTheChangesOfTheSameEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outcomes")
	f := opened(t, path)
	for i := range 10_000 {
		c := event.Claim{Identity: event.Identity{Source: "/s", ID: fmt.Sprint(i % 10)}, Owner: fmt.Sprint(i), Hops: i}
		dead := deadLettered
		dead.Hops = i
		if _, err := f.Finish(t.Context(), c, dead); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || bytes.Count(text, []byte("\n")) > 1100 {
		t.Errorf("it has %d lines, %v", bytes.Count(text, []byte("\n")), err)
	}
	f = opened(t, path)
	if o, _, _ := f.Outcome(t.Context(), event.Identity{Source: "/s", ID: "9"}); o.Hops != 9999 {
		t.Errorf("the last change of an event was %d, and 9999 was written", o.Hops)
	}
}

func TestWhatCanNotBeWrittenDidNotHappen(t *testing.T) {
	f := opened(t, filepath.Join(t.TempDir(), "outcomes"))
	f.file.Close()
	c := event.Claim{Identity: event.Identity{Source: "/s", ID: "1"}}
	for range 2 {
		if r, err := f.Finish(t.Context(), c, processed); err == nil {
			t.Errorf("it is answered with %+v", r)
		}
	}
	if _, known, _ := f.Outcome(t.Context(), c.Identity); known {
		t.Error("it is known all the same")
	}
}
