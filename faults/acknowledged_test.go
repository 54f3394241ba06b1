//go:build faults

package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestWhatIsAcknowledgedIsStored(t *testing.T) {
	c := needCluster(t)
	r := newRandom(t)
	const topic = "faults-acknowledged"
	makeTopics(t, c.client, 6, topic)
	env := []string{"KAFKA_BOOTSTRAP_SERVERS=" + c.brokers, "KAFKA_TOPIC=" + topic, "PUBLISH_TIMEOUT=3s"}
	apis := []*apiProcess{newAPI(t, "api 1", env...), newAPI(t, "api 2", env...)}

	l := &load{
		run: "a", source: "/faults", targets: []string{apis[0].url, apis[1].url},
		workers: 12, rate: loadRate(t), retries: 2, batches: true, ledger: newLedger(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), faultTime(t))
	defer cancel()
	var harm sync.WaitGroup
	var kills, pauses, apiKills, apiTerms int
	brokerSeed, apiSeed := rand.New(rand.NewPCG(r.Uint64(), 1)), rand.New(rand.NewPCG(r.Uint64(), 2))
	harm.Go(func() { kills, pauses = c.harm(ctx, brokerSeed, topic) })
	harm.Go(func() { apiKills, apiTerms = harmAPIs(ctx, t, apiSeed, apis) })
	l.drive(ctx, r)
	harm.Wait()

	awaitReplicas(t, c.client, topic)
	result := takeCensus(l.ledger, readTopic(t, c.brokers, c.client, topic))
	t.Logf("faults: brokers killed %d and frozen %d times, APIs killed %d and terminated %d times; answers by status: %v",
		kills, pauses, apiKills, apiTerms, l.statuses)
	t.Log(result)
	for _, f := range result.faults {
		t.Error(f)
	}
	if result.lost > 0 || result.accepted == 0 {
		t.Errorf("lost %d of %d accepted events", result.lost, result.accepted)
	}
}

// harmAPIs kills and terminates API processes, one at a time, until ctx ends, and leaves all running. A terminated
// process must end without an error.
func harmAPIs(ctx context.Context, t *testing.T, r *rand.Rand, apis []*apiProcess) (kills, terms int) {
	for pause(ctx, between(r, time.Second, 6*time.Second)) {
		a := apis[r.IntN(len(apis))]
		if r.IntN(2) == 0 {
			kills++
			_ = a.stop(syscall.SIGKILL) // says "signal: killed"
		} else {
			terms++
			if err := a.stop(syscall.SIGTERM); err != nil {
				t.Errorf("%s, terminated, ended with: %v", a.name, err)
			}
		}
		a.start()
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && !a.ready() && pause(ctx, 50*time.Millisecond); {
		}
	}
	return kills, terms
}
