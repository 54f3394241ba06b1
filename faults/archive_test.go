//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
)

// Two archivers share a topic. Both are killed again and again, and so are their connections to the S3 server, under
// load. In the end the archive has each record of the topic, byte for byte and in its order, and is verified as clean.
func TestTheArchiveHasEachRecordWhateverDies(t *testing.T) {
	brokers, endpoint := need(t, "FAULT_BROKERS"), need(t, "FAULT_S3")
	client := adminOf(t, brokers)
	r := newRandom(t)
	topic := fmt.Sprintf("faults-archive-%d", time.Now().Unix())
	makeTopics(t, client, 6, topic, topic+".dlq")
	place := makeBucket(t, endpoint, topic)
	proxy := newStoreProxy(t, endpoint)
	env := []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + brokers, "KAFKA_TOPIC=" + topic, "KAFKA_DLQ_TOPIC=" + topic + ".dlq",
		"ARCHIVE_URL=s3://" + topic + "/a", "AWS_ENDPOINT_URL_S3=" + proxy.url(),
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=testsecret", "LOG_LEVEL=WARN",
	}
	var archivers []*process
	for n := range 2 {
		archivers = append(archivers, newProcess(t, fmt.Sprintf("archiver %d", n), binary(t, "eventctl"), env,
			"archive", "run", "--window", "500ms", "--session-timeout", "6s"))
	}

	ctx, cancel := context.WithTimeout(t.Context(), faultTime(t))
	defer cancel()
	var all sync.WaitGroup
	var kills, cuts, holds int
	archiverFaults, proxyFaults := rand.New(rand.NewPCG(r.Uint64(), 0)), rand.New(rand.NewPCG(r.Uint64(), 0))
	all.Go(func() { cuts, holds = proxy.harm(ctx, proxyFaults) })
	all.Go(func() {
		for pause(ctx, between(archiverFaults, time.Second, 4*time.Second)) {
			kills++
			victim := archivers[kills%len(archivers)]
			_ = victim.stop(syscall.SIGKILL)
			victim.start()
		}
	})
	for n := 0; ctx.Err() == nil; n++ {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "key-%d", n%20),
			Value: fmt.Appendf(nil, `{"n":%d, "bytes":"\u0000%c"}`, n, rune(n%0xff))}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	all.Wait()

	stored := readTopic(t, brokers, client, topic)
	var archived []event.Record
	await(t, time.Minute, "all records are archived", func() bool {
		archived = readArchive(t, place, topic)
		return len(archived) >= len(stored)
	})
	if kills == 0 || cuts+holds == 0 || len(stored) < 100 {
		t.Errorf("%d kills, %d cuts, %d holds, %d records: the test proves nothing", kills, cuts, holds, len(stored))
	}
	compare(t, stored, archived)
	for a, err := range archive.Verify(t.Context(), place, topic) {
		if err != nil || a.Missing > 0 || a.Damaged > 0 || a.Again > 0 {
			t.Errorf("%+v: %v", a, err)
		}
	}
	t.Logf("records %d, archived %d; archivers killed %d times, connections cut %d and held %d times", len(stored),
		len(archived), kills, cuts, holds)
}

func makeBucket(t *testing.T, endpoint, name string) *objects.Bucket {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "testsecret", "")}
	s := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := s.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return objects.NewBucket(cfg, name, "a")
}

func readArchive(t *testing.T, place *objects.Bucket, topic string) (records []event.Record) {
	t.Helper()
	contents, err := archive.List(t.Context(), place, archive.Range{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range contents.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// compare finds the records of each partition that are not archived, or not as they are stored.
func compare(t *testing.T, stored, archived []event.Record) {
	t.Helper()
	lines := map[int32][]string{}
	for i := range archived {
		lines[archived[i].Partition] = append(lines[archived[i].Partition], string(archive.AppendLine(nil, &archived[i])))
	}
	for i := range stored {
		want, p := string(archive.AppendLine(nil, &stored[i])), stored[i].Partition
		if len(lines[p]) == 0 || lines[p][0] != want {
			t.Errorf("%s is archived as %.200q, want %.200q", stored[i].Place, lines[p][:min(1, len(lines[p]))], want)
			return
		}
		lines[p] = lines[p][1:]
	}
	for p, more := range lines {
		if len(more) > 0 {
			t.Errorf("partition %d has %d records more in the archive", p, len(more))
		}
	}
}
