//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/internal/event"
)

func TestAnArchiverAndABucketThatDieUnderLoadLoseNothing(t *testing.T) {
	bin, p := setup(t)
	place, between := inBucket(t)
	topic := p.env.Topic()
	client, err := p.KafkaClient(p.env.Kafka, clientID)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	archiving := startArchiver(t, bin, topic+"-archive")
	lasts := 20 * time.Second
	if v := os.Getenv("ARCHIVE_FAULTS"); v != "" {
		if lasts, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	kills, cuts, n := 0, 0, 0
	for i := 0; ctx.Err() == nil; i++ {
		for range 200 {
			value := fmt.Appendf(nil, "%d %x", n, make([]byte, n%300))
			client.Produce(t.Context(), &kgo.Record{Topic: topic, Key: fmt.Append(nil, n%11), Value: value}, nil)
			n++
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		switch {
		case i%40 == 39: // longer than a session of the group, so that it works in between
			archiving.kill()
			archiving.start()
			kills++
		case between != nil && i%5 == 3:
			between.cut.Store(!between.cut.Load())
			between.sever()
			cuts++
		}
	}
	if between != nil {
		between.cut.Store(false)
	}
	want := recordsOf(t, p, topic)
	got := map[event.Place]event.Record{}
	for deadline := time.Now().Add(3 * time.Minute); len(got) < len(want); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("the archive has %d of %d records", len(got), len(want))
		}
		contents, err := archive.List(t.Context(), place, archive.Range{Topic: topic})
		if err != nil {
			t.Fatal(err)
		}
		clear(got)
		for r, err := range contents.Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got[r.Place] = r
		}
	}
	for _, r := range want {
		archived := got[r.Place]
		if !bytes.Equal(archive.AppendLine(nil, &r), archive.AppendLine(nil, &archived)) {
			t.Errorf("%s differs", r.Place)
		}
	}
	t.Logf("%d records; the archiver was killed %d times, and the bucket cut off or let back %d times:\n%s", n, kills,
		cuts, runBinary(t, bin, "archive", "verify"))
}
