package consumer_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/consumer"
)

func TestAllRecordsAreArchivedAsTheyAre(t *testing.T) {
	w := newWorld(t)
	w.produce(1000)
	w.start()
	w.awaitAll()
	w.produce(1000)
	w.awaitAll()
	if _, problems := w.check(); problems != nil {
		t.Error(problems)
	}
}

func TestABucketThatIsAwayLosesAndHoldsUpNothingAndTheLogSaysItOnce(t *testing.T) {
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	w.place.fails = func() (bool, error) {
		if away.Load() {
			return false, errors.New("AccessDenied")
		}
		return true, nil
	}
	w.start(func(c *consumer.Config) { c.MaxRecords, c.MaxBytes = 50, 40_000 })
	for range 5 {
		w.produce(300)
	}
	w.await("told", func() bool { return strings.Contains(w.log.String(), "cannot write to the archive") })
	time.Sleep(time.Second) // several tries
	away.Store(false)
	w.awaitAll()
	if _, problems := w.check(); problems != nil {
		t.Error(problems)
	}
	said := w.log.String()
	if strings.Count(said, "cannot write") != 1 || !strings.Contains(said, "can be written again") {
		t.Errorf("the log says:\n%s", said)
	}
}

func TestDeathsAndOtherArchiversMakeCopiesAndLoseNothing(t *testing.T) {
	w := newWorld(t)
	var n atomic.Int64
	var dying atomic.Bool
	w.place.fails = func() (bool, error) {
		if dying.Load() { // what waits at the end is not written
			return n.Add(1)%2 == 0, errors.New("it dies")
		}
		switch n.Add(1) % 7 {
		case 0:
			return true, errors.New("the answer is lost")
		case 3:
			return false, errors.New("SlowDown")
		}
		return true, nil
	}
	r := rand.New(rand.NewPCG(1, 1))
	change := func(c *consumer.Config) {
		c.MaxRecords = 1 + r.IntN(100)
	}
	stops := []func(){w.start(change), func() {}}
	for i := range 8 {
		w.produce(200)
		dying.Store(true)
		stops[i%2]()
		dying.Store(false)
		stops[i%2] = w.start(change)
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
	}
	w.awaitAll()
	if accounts, problems := w.check(); problems != nil || len(accounts) != 3 {
		t.Errorf("%+v, %v", accounts, problems)
	}
}

func TestARecordOf8MBHoldsUpNothing(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topic),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "16000000"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := on(t, cluster.ListenAddrs(), topic, group)
	large, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(15_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	w.produce(30)
	value := bytes.Repeat([]byte{0xff, 'a', 0, 'b'}, 2<<20)
	for p := range int32(3) {
		r := &kgo.Record{Topic: topic, Partition: p, Value: value}
		if err := large.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.produce(30)
	w.start(func(c *consumer.Config) { c.MaxBytes = 1 << 20 }) // less than one of them
	w.awaitAll()
	accounts, problems := w.check()
	if problems != nil || len(accounts) != 3 || accounts[0].Records != 21 {
		t.Errorf("%+v, %v", accounts, problems)
	}
}

func TestWhatWaitsIsArchivedWhenItEnds(t *testing.T) {
	w := newWorld(t)
	w.produce(30)
	stop := w.start(func(c *consumer.Config) { c.Window = time.Hour })
	w.await("assigned", func() bool {
		groups, err := kadm.NewClient(w.client).DescribeGroups(t.Context(), group)
		return err == nil && groups[group].State == "Stable"
	})
	time.Sleep(500 * time.Millisecond)
	stop()
	_, ends, committed := w.kept()
	if !reflect.DeepEqual(ends, committed) {
		t.Errorf("committed is %v of %v", committed, ends)
	}
}

func TestRecordsThatExpiredAreToldAndShowAsAGap(t *testing.T) {
	w := newWorld(t)
	w.produce(90) // 30 in each partition
	stop := w.start()
	w.awaitAll()
	stop()
	w.produce(90)
	admin := kadm.NewClient(w.client)
	gone := kadm.Offsets{}
	gone.AddOffset(topic, 1, 40, -1)
	if _, err := admin.DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.awaitAll()
	_, problems := w.check()
	const want = "topic events partition 1: nothing is archived of 10 offsets, 30 to 39"
	if len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("verify says %v", problems)
	}
	if said := w.log.String(); strings.Count(said, "records expired before they were archived") != 1 {
		t.Errorf("the log says:\n%s", said)
	}
}

func TestMarkersOfTransactionsAreNotAGap(t *testing.T) {
	w := newWorld(t)
	w.start(func(c *consumer.Config) { c.MaxRecords = 1 })
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.TransactionalID("x"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range 6 {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			producer.Produce(t.Context(), &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}, nil)
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(t.Context(), kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // so that a marker comes alone
	}
	w.awaitAll()
	accounts, problems := w.check()
	if problems != nil || len(accounts) != 1 || accounts[0].Records != 9 || accounts[0].Last != 23 {
		t.Errorf("%+v, %v", accounts, problems)
	}
}

func TestATopicThatIsMissingIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.topic = "later"
	w.start()
	time.Sleep(200 * time.Millisecond)
	if _, err := kadm.NewClient(w.client).CreateTopic(t.Context(), 3, 1, nil, "later"); err != nil {
		t.Fatal(err)
	}
	w.produce(30)
	w.awaitAll()
	if _, problems := w.check(); problems != nil {
		t.Error(problems)
	}
}

func TestATopicThatIsMadeAnewIsArchivedFromItsStart(t *testing.T) {
	w := newWorld(t)
	w.produce(90)
	w.start()
	w.awaitAll()
	admin := kadm.NewClient(w.client)
	if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(t.Context(), 3, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	w.client.PurgeTopicsFromClient(topic)
	w.produce(30)
	w.await("archived", func() bool { // both of them
		records := int64(0)
		for a := range archive.Verify(t.Context(), w.place, topic) {
			records += a.Records
		}
		return records == 90+30
	})
}

func TestWhatWaitedOfATopicThatIsGoneSkipsNothingOfTheNewOne(t *testing.T) {
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	w.place.fails = func() (bool, error) {
		if away.Load() {
			return false, errors.New("SlowDown")
		}
		return true, nil
	}
	w.produce(90)
	w.start()
	w.await("told", func() bool { return strings.Contains(w.log.String(), "cannot write to the archive") })
	admin := kadm.NewClient(w.client)
	if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	away.Store(false)
	if _, err := admin.CreateTopic(t.Context(), 3, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	w.client.PurgeTopicsFromClient(topic)
	w.produce(300)
	w.awaitAll()
	w.check()
}

func TestAConfigWithoutTopicsOrGroupIsRefused(t *testing.T) {
	err := consumer.Run(t.Context(), consumer.Config{Window: -1}, nil)
	for _, part := range []string{"Topics", "Group", "Window"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not tell of %s", err, part)
		}
	}
}
