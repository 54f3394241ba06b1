package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/store"
)

// window is the archive's. A minute, as in production, would make each drill take minutes.
const window = time.Second

// world is what a drill works on: parts that are there, and programs, topics, a table and an archive of its own.
type world struct {
	name    string // of the topic and the table
	folder  string
	bin     string
	brokers kafka.Config
	client  *kgo.Client
	tables  *dynamodb.Client
	aws     aws.Config
	archive objects.Place
	url     string // of the archive
	s3      string // endpoint; "": the archive is a folder

	started []*process
	topics  []string // to delete at the end
	made    []string // tables, likewise
}

func newWorld(ctx context.Context) (*world, error) {
	brokers, endpoint := os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), os.Getenv("DYNAMODB_ENDPOINT")
	if brokers == "" || endpoint == "" {
		return nil, errors.New("it needs brokers in KAFKA_BOOTSTRAP_SERVERS and DynamoDB Local in DYNAMODB_ENDPOINT; " +
			"`just drill` starts the containers that have them")
	}
	if !strings.HasPrefix(endpoint, "http://") {
		return nil, fmt.Errorf("DYNAMODB_ENDPOINT=%q must be that of a DynamoDB Local, http://HOST:PORT", endpoint)
	}
	w := &world{
		name: fmt.Sprintf("drill-%d", time.Now().UnixNano()), s3: os.Getenv("S3_ENDPOINT"),
		brokers: kafka.Config{Brokers: kafka.ParseBrokers(brokers), Auth: kafka.AuthNone, ClientID: "drill"},
		aws: aws.Config{Region: "us-east-1",
			Credentials: credentials.NewStaticCredentialsProvider("test", "testsecret", "")},
	}
	w.tables = dynamodb.NewFromConfig(w.aws, func(o *dynamodb.Options) { o.BaseEndpoint = &endpoint })
	if err := w.open(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) open(ctx context.Context) error {
	opts, err := kafka.Options(w.brokers)
	if err != nil {
		return err
	}
	if w.client, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	if w.folder, err = os.MkdirTemp("", "drill-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if w.archive, w.url, err = w.openArchive(ctx, w.name); err != nil {
		return err
	}
	return w.build(ctx)
}

// build makes the two programs that are deployed, from the sources around it.
func (w *world) build(ctx context.Context) error {
	w.bin = filepath.Join(w.folder, "bin")
	for out, pkg := range map[string]string{"eventctl": "eventctl", "bootstrap": "processor"} {
		build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(w.bin, out),
			"event-processing-service/cmd/"+pkg)
		if log, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, log)
		}
	}
	return nil
}

// openArchive makes a place for an archive: a folder, or a bucket where there is an S3 server.
func (w *world) openArchive(ctx context.Context, name string) (place objects.Place, url string, err error) {
	if w.s3 == "" {
		folder := filepath.Join(w.folder, name)
		return objects.NewDirectory(folder), "file://" + filepath.ToSlash(folder), nil
	}
	cfg := w.aws
	cfg.BaseEndpoint = &w.s3
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return nil, "", fmt.Errorf("make a bucket at S3_ENDPOINT: %w", err)
	}
	return objects.NewBucket(cfg, name, "a"), "s3://" + name + "/a", nil
}

// environment is that of the programs, with this topic and table.
func (w *world) environment(topic, table string) []string {
	return append(os.Environ(),
		"KAFKA_TOPIC="+topic, "KAFKA_DLQ_TOPIC="+topic+".dlq", "STORE=dynamodb", "EVENTS_TABLE="+table,
		"AWS_ENDPOINT_URL_DYNAMODB="+os.Getenv("DYNAMODB_ENDPOINT"), "AWS_ENDPOINT_URL_S3="+w.s3,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=testsecret", "ARCHIVE_URL="+w.url)
}

// eventctl runs the tool to its end.
func (w *world) eventctl(ctx context.Context, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, "eventctl"), args...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("eventctl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// setup makes topics and a table, which the end of the drill deletes.
func (w *world) setup(ctx context.Context, topic, table string) error {
	w.topics, w.made = append(w.topics, topic, topic+".dlq"), append(w.made, table)
	return w.eventctl(ctx, w.environment(topic, table), "setup")
}

// process is a program that runs beside the drill.
type process struct {
	cmd  *exec.Cmd
	done bool
}

func (w *world) start(env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(filepath.Join(w.bin, "eventctl"), args...)}
	p.cmd.Env = env
	log, err := os.Create(filepath.Join(w.folder, fmt.Sprintf("log-%d-%s", len(w.started), args[0])))
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start eventctl %s: %w", strings.Join(args, " "), err)
	}
	w.started = append(w.started, p)
	return p, nil
}

// end signals the process once, and waits for it.
func (p *process) end(how os.Signal) {
	if p.done {
		return
	}
	p.done = true
	_ = p.cmd.Process.Signal(how) // it may be dead already
	_ = p.cmd.Wait()              // what it says on its way out is in its log
}

func (p *process) kill() { p.end(os.Kill) }
func (p *process) stop() { p.end(syscall.SIGTERM) }

// startAPI runs the API, and gives its URL once it is ready.
func (w *world) startAPI(ctx context.Context, env []string) (url string, api *process, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := ln.Addr().(*net.TCPAddr).Port
	_ = ln.Close()
	api, err = w.start(append(env, "PORT="+strconv.Itoa(port), "METRICS_PORT=0", "PUBLISH_TIMEOUT=2s", "API_KEYS=",
		"RATE_LIMIT="), "serve")
	if err != nil {
		return "", nil, err
	}
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	return url, api, until(ctx, 10*time.Second, "the API is ready", func() (bool, error) {
		resp, err := http.Get(url + "/health/ready")
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	})
}

func (w *world) startTrigger(env []string) (*process, error) {
	return w.start(env, "trigger", "--bootstrap", filepath.Join(w.bin, "bootstrap"), "--batch-window", "50ms",
		"--group", w.name)
}

func (w *world) startArchiver(env []string) (*process, error) {
	return w.start(env, "archive", "run", "--group", w.name+"-archive", "--window", window.String(), "--session-timeout",
		"6s")
}

// store reads outcomes.
func (w *world) store(table string) *store.DynamoDB {
	cfg := w.aws
	cfg.BaseEndpoint = aws.String(os.Getenv("DYNAMODB_ENDPOINT"))
	return store.NewDynamoDB(cfg, table, store.DefaultRetention)
}

// ends are the last offsets that the archive has of the drill's topic. A fault of it is an error.
func (w *world) ends(ctx context.Context) (map[int32]int64, error) {
	last := map[int32]int64{}
	for a, err := range archive.Verify(ctx, w.archive, w.name) {
		if err != nil {
			return nil, err
		}
		last[a.Partition] = a.Last
	}
	return last, nil
}

// records are all that a topic holds, in the order of each partition.
func (w *world) records(ctx context.Context, topic string) (records []event.Record, err error) {
	spans, err := kafka.Bounds(ctx, w.client, topic, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	for r, err := range kafka.Read(ctx, w.brokers, topic, spans) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// close ends what runs and deletes what the drill made; what can't be deleted is left.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, p := range w.started {
		p.kill()
	}
	if w.client != nil {
		if len(w.topics) > 0 {
			_, _ = kadm.NewClient(w.client).DeleteTopics(ctx, w.topics...)
		}
		w.client.Close()
	}
	for _, table := range w.made {
		_, _ = w.tables.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table})
	}
	if w.folder != "" {
		_ = os.RemoveAll(w.folder)
	}
}

// until asks again and again until it is so.
func until(ctx context.Context, atMost time.Duration, what string, isSo func() (bool, error)) error {
	for end := time.Now().Add(atMost); ; {
		so, err := isSo()
		if so || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("it is not so within %s that %s", atMost, what)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
