//go:build faults

package faults

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// group is the trigger's consumer group.
const group = "event-processing-service-event-processor"

// pipeline is the trigger with the poison processor as its function. It has its own topics and table.
type pipeline struct {
	t       *testing.T
	brokers string
	client  *kgo.Client
	topic   string
	letters string
	table   string
	effects string // file to which handlers write
	fixed   string // file that repairs the fixable handler when it exists
	env     []string
	store   *storeProxy // the connections to the table
	changes *tableProxy // the requests to it
	db      *dynamodb.Client
	trigger *process
}

func newPipeline(t *testing.T, brokers string, client *kgo.Client, name string, env ...string) *pipeline {
	t.Helper()
	endpoint := need(t, "FAULT_DYNAMODB")
	name = fmt.Sprintf("faults-%s-%d", name, time.Now().Unix()) // an earlier run may have left its table
	p := &pipeline{
		t: t, brokers: brokers, client: client, topic: name, letters: name + ".dlq", table: name,
		effects: filepath.Join(t.TempDir(), "effects"), fixed: filepath.Join(t.TempDir(), "fixed"),
		store: newStoreProxy(t, endpoint),
		db: dynamodb.NewFromConfig(aws.Config{
			Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test",
				""),
			HTTPClient: &http.Client{Timeout: 10 * time.Second},
		}),
	}
	p.changes = newTableProxy(t, p.store.url())
	makeTopics(t, client, 6, p.topic, p.letters)
	p.env = append([]string{
		"KAFKA_BOOTSTRAP_SERVERS=" + brokers, "KAFKA_TOPIC=" + p.topic, "KAFKA_DLQ_TOPIC=" + p.letters,
		"STORE=dynamodb", "EVENTS_TABLE=" + p.table, "AWS_ENDPOINT_URL_DYNAMODB=" + p.changes.URL,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"EFFECTS=" + p.effects, "FIXED=" + p.fixed, "LOG_LEVEL=WARN",
	}, env...)
	p.eventctl("setup")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = p.db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &p.table}) // it is only in memory
	})
	p.trigger = newProcess(t, "trigger", binary(t, "eventctl"), p.env, "trigger", "--bootstrap",
		binary(t, "poisonprocessor"),
		"--batch-size", "500", "--batch-window", "200ms", "--timeout", "20s", "--session-timeout", "6s")
	return p
}

// eventctl runs the tool and waits for its end.
func (p *pipeline) eventctl(args ...string) string {
	p.t.Helper()
	ctl := newProcess(p.t, "eventctl "+strings.Join(args, " "), binary(p.t, "eventctl"), p.env, args...)
	<-ctl.gone
	out := string(ctl.logs.tail)
	if ctl.err != nil {
		p.t.Fatalf("eventctl %s: %v\n%s", strings.Join(args, " "), ctl.err, out)
	}
	return out
}

// harm kills the trigger and the function, one at a time, until ctx ends, and leaves the trigger running.
func (p *pipeline) harm(ctx context.Context, r *rand.Rand) (kills, terms, functionKills int) {
	for pause(ctx, between(r, time.Second, 6*time.Second)) {
		switch r.IntN(4) {
		case 0: // the function continues without its trigger until it wants to answer
			kills++
			_ = p.trigger.stop(syscall.SIGKILL)
			p.trigger.start()
		case 1:
			terms++
			if err := p.trigger.stop(syscall.SIGTERM); err != nil {
				p.t.Errorf("the trigger, terminated, ended with: %v", err)
			}
			p.trigger.start()
		default: // usually during a batch; after a restart there is none for a while
			for end := time.Now().Add(10 * time.Second); len(children(p.trigger.pid())) == 0 && time.Now().Before(end) &&
				pause(ctx, 50*time.Millisecond); {
			}
			for _, pid := range children(p.trigger.pid()) {
				functionKills++
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
			}
		}
	}
	return kills, terms, functionKills
}

// children are the child processes of pid.
func children(pid int) []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is well-formed
	for _, path := range tasks {
		list, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(list)) {
			if n, err := strconv.Atoi(field); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// awaitDone waits until the group has committed the end of the topic.
func (p *pipeline) awaitDone(patience time.Duration) {
	p.t.Helper()
	admin := kadm.NewClient(p.client)
	await(p.t, patience, "the lag to return to 0", func() bool {
		ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
		defer cancel()
		ends, err := admin.ListEndOffsets(ctx, p.topic)
		if err != nil || ends.Error() != nil {
			return false
		}
		committed, err := admin.FetchOffsets(ctx, group)
		if err != nil {
			return false
		}
		done := true
		ends.Each(func(end kadm.ListedOffset) {
			at, ok := committed.Lookup(p.topic, end.Partition)
			done = done && (end.Offset == 0 || ok && at.At == end.Offset)
		})
		return done
	})
}

// memory is the store's item of an event.
type memory struct {
	status, reason  string
	letter          string // place of the dead letter, as in Position
	version, offset int64
	attempts, hops  int
	partition       int32
	at              time.Time
}

// remembered reads the first processor's items of the table, by event id.
func (p *pipeline) remembered() map[string]memory {
	p.t.Helper()
	all := map[string]memory{}
	pages := dynamodb.NewScanPaginator(p.db, &dynamodb.ScanInput{TableName: &p.table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		for _, item := range page.Items {
			if textOf(item, "processor") != "" { // another processor's
				continue
			}
			at, _ := time.Parse(time.RFC3339Nano, textOf(item, "at")) // absent while an event is not finished
			letter := event.Record{Place: event.Place{Topic: textOf(item, "letter_topic"),
				Partition: int32(numberOf(item, "letter_partition")), Offset: numberOf(item, "letter_offset")}}
			all[textOf(item, "id")] = memory{
				letter: letter.String(),
				status: textOf(item, "status"), reason: textOf(item, "reason"), at: at,
				version: numberOf(item, "version"), attempts: int(numberOf(item, "attempts")), hops: int(numberOf(item, "hops")),
				partition: int32(numberOf(item, "partition")), offset: numberOf(item, "offset"),
			}
		}
	}
	return all
}

func textOf(item map[string]types.AttributeValue, name string) string {
	v, ok := item[name].(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return v.Value
}

func numberOf(item map[string]types.AttributeValue, name string) int64 {
	v, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, _ := strconv.ParseInt(v.Value, 10, 64) // DynamoDB's numbers are valid
	return n
}

// effected are the lines that handlers wrote, each "key id", in their order.
func (p *pipeline) effected() []string {
	p.t.Helper()
	f, err := os.Open(p.effects)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // opened for reading
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}
