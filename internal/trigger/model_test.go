package trigger

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// model is the promise of the mapping: a record is done (taken by the function) only if every record before it in its
// partition is.
type model struct {
	mu      sync.Mutex
	rng     *rand.Rand
	next    map[int64]int64 // by partition: the first offset that is not done
	partial bool
	errors  []string
	taken   map[string]int
}

var seedFlag = flag.Uint64("seed", 0, "seed of the model tests; 0: a new one")

func newModel(t *testing.T, stream uint64) *model {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed=%d", seed)
	return &model{
		rng: rand.New(rand.NewPCG(seed, stream)), next: map[int64]int64{}, taken: map[string]int{},
	}
}

func (m *model) done(r events.KafkaRecord) {
	if r.Offset > m.next[r.Partition] {
		m.errors = append(m.errors, fmt.Sprintf("%d:%d is done, %d is not", r.Partition, r.Offset, m.next[r.Partition]))
	}
	m.next[r.Partition] = max(m.next[r.Partition], r.Offset+1)
}

// Invoke takes the records or fails, at random. With partial batch responses it may name the first record of a
// partition that failed and all records behind it.
func (m *model) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.KafkaEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var failures []string
	var taken []events.KafkaRecord
	for _, records := range event.Records {
		failed := false
		for _, r := range records {
			if m.rng.IntN(60) == 0 {
				failed = true
			}
			if failed && !m.partial {
				return nil, errNo // no record was taken
			}
			if failed {
				failures = append(failures, failure(int(r.Partition), r.Offset))
			} else {
				taken = append(taken, r)
			}
		}
	}
	if m.rng.IntN(20) == 0 {
		return nil, errNo
	}
	for _, r := range taken {
		m.done(r)
		m.taken[fmt.Sprintf("events-%d/%d", r.Partition, r.Offset)]++
	}
	return []byte(failuresOf(failures...)), nil
}

const modelRecords = 120

func fill(t *testing.T, b *broker) {
	t.Helper()
	for p := range int32(3) {
		b.put(t, p, strings.Fields(strings.Repeat("v ", modelRecords))...)
	}
}

func (m *model) check(t *testing.T, exactlyOnce bool) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.errors {
		t.Error(e)
	}
	for p := range 3 {
		for o := range modelRecords {
			n := m.taken[fmt.Sprintf("events-%d/%d", p, o)]
			if n == 0 || exactlyOnce && n != 1 {
				t.Errorf("events-%d/%d was done %d times", p, o, n)
			}
		}
	}
}

func TestNoRecordIsSkippedOrOvertakenInAnyMode(t *testing.T) {
	for name, partial := range map[string]bool{"whole batches": false, "partial responses": true} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 3)
			fill(t, b)
			m := newModel(t, 2)
			m.partial = partial
			cfg := b.config()
			cfg.BatchSize, cfg.ReportBatchItemFailures, cfg.BatchWindow = 17, partial, time.Millisecond
			cfg.MaxRetryBackoff = 2 * time.Millisecond
			start(t, cfg, m)
			b.awaitCommitted(t, fmt.Sprintf("0:%[1]d 1:%[1]d 2:%[1]d", modelRecords))
			m.check(t, true)
		})
	}
}

func TestNoRecordIsSkippedAcrossRestartsAndRebalances(t *testing.T) {
	b := newBroker(t, 3)
	m := newModel(t, 3)
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 7, time.Millisecond
	cfg.MaxRetryBackoff = 2 * time.Millisecond
	cfg.ShutdownGrace = time.Millisecond // hardly any invocation can finish
	slow := invokerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		if !pause(ctx, 3*time.Millisecond) {
			return nil, ctx.Err()
		}
		return m.Invoke(ctx, payload)
	})
	fill(t, b)
	start(t, cfg, slow)
	for range 4 {
		stop := start(t, cfg, slow)
		time.Sleep(rand.N(100 * time.Millisecond)) // the moment of the kill is random
		stop()
	}
	b.awaitCommitted(t, fmt.Sprintf("0:%[1]d 1:%[1]d 2:%[1]d", modelRecords))
	m.check(t, false)
}
