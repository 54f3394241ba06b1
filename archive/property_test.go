package archive

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// Any batching, redelivery, two writers at a time, failures, and deaths between a write and its answer.
func TestEveryRecordComesBackByteForByteInTheOrderOfItsPartition(t *testing.T) {
	steps := []time.Duration{time.Millisecond, time.Second, 20 * time.Minute}
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			b := newBucket()
			random := rand.New(rand.NewPCG(seed, 2)) // of the bucket alone, which holds its lock
			b.fail = func() (bool, error) {
				switch random.IntN(10) {
				case 0:
					return false, errAway
				case 1:
					return true, errAway // the answer is lost
				}
				return true, nil
			}
			want := map[int32][]event.Record{}
			a := NewArchiver(b)
			var writers sync.WaitGroup
			for p := range int32(3) {
				l := newLog(r, "events", p, 200, steps[r.IntN(len(steps))], []int{0, 3, 50}[r.IntN(3)])
				want[p] = l.records
				for n := range 1 + r.IntN(2) {
					own := rand.New(rand.NewPCG(seed, uint64(p)*10+uint64(n)))
					writers.Go(func() { l.deliver(t, own, a) })
				}
			}
			writers.Wait()
			got, problems := readAll(t, b, Range{Topic: "events"})
			if diff := differs(want, got); diff != "" || problems != nil {
				t.Fatalf("what comes back differs (-original +archive), %v:\n%.3000s", problems, diff)
			}
			accounts, problems := verified(t, b)
			if problems != nil || len(accounts) != 3 {
				t.Errorf("it is found to be %+v, with %v", accounts, problems)
			}
			for _, account := range accounts {
				if account.Records != 200 || account.Missing+account.Again != 0 {
					t.Errorf("the account is %+v", account)
				}
			}
		})
	}
}

func FuzzALineKeepsEveryByte(f *testing.F) {
	f.Add([]byte(nil), []byte("v"), "k", []byte("\xff"), int64(0))
	f.Fuzz(func(t *testing.T, key, value []byte, header string, headerValue []byte, ms int64) {
		if ms < -1 || ms > 1<<60 {
			ms = -1
		}
		r := event.Record{Place: event.Place{Topic: "t", Partition: 1, Offset: 2}, Timestamp: time.UnixMilli(ms), Key: key,
			Value: value, Headers: []event.Header{{Key: header, Value: headerValue}, {Key: header}}}
		text := AppendLine(nil, &r)
		got, err := parseLine(text)
		if diff := differs(r, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	})
}

func FuzzALineFromElsewhereIsReadOrRefused(f *testing.F) {
	f.Add([]byte(`{"topic":"t","partition":1,"offset":2,"timestamp":3,"key_base64":"/w==","value":"v"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseLine(text)
		if err != nil {
			return
		}
		again, err := parseLine(AppendLine(nil, &r))
		if diff := differs(r, again); err != nil || diff != "" {
			t.Errorf("%q is not the same when written again: %v\n%s", text, err, diff)
		}
	})
}

func TestALineOfAnotherFormIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`, `{"topic":"t","nonsense":1}`, `{"topic":"t","key":"a","key_base64":"YQ=="}`,
		`{"topic":"t","value_base64":"?"}`, `{"topic":"t","headers":[{"key":"a","value":"a","value_base64":"YQ=="}]}`,
		`{"topic":"t","partition":4294967296}`,
	} {
		if r, err := parseLine([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, r)
		}
	}
}
