//go:build integration

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// archiver is a process of `eventctl archive run` that can be killed.
type archiver struct {
	t    *testing.T
	bin  string
	args []string
	cmd  *exec.Cmd
}

func startArchiver(t *testing.T, bin, group string) *archiver {
	t.Helper()
	a := &archiver{t: t, bin: bin, args: []string{"archive", "run", "--group", group, "--window", "1s",
		"--session-timeout", "6s"}}
	a.start()
	t.Cleanup(a.kill)
	return a
}

func (a *archiver) start() {
	a.t.Helper()
	a.cmd = exec.Command(filepath.Join(a.bin, "eventctl"), a.args...)
	a.cmd.Stdout, a.cmd.Stderr = a.t.Output(), a.t.Output()
	if err := a.cmd.Start(); err != nil {
		a.t.Fatalf("start the archiver: %v", err)
	}
}

func (a *archiver) kill() {
	_ = a.cmd.Process.Kill() // it may be dead already
	_ = a.cmd.Wait()
}

// recordsOf is all that a topic holds, in the order of each partition.
func recordsOf(t *testing.T, p *program, topic string) (records []event.Record) {
	t.Helper()
	client, err := p.KafkaClient(p.env.Kafka, clientID)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
	if err != nil {
		t.Fatal(err)
	}
	spans, err := kafka.Bounds(t.Context(), client, topic, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range kafka.Read(t.Context(), cfg, topic, spans) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// proxy is between the archiver and its bucket, and can be cut.
type proxy struct {
	t      *testing.T
	target string
	ln     net.Listener
	cut    atomic.Bool
	mu     sync.Mutex
	open   map[net.Conn]bool
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: target, ln: ln, open: map[net.Conn]bool{}}
	t.Cleanup(func() { ln.Close(); p.sever() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go p.carry(in)
		}
	}()
	return p
}

func (p *proxy) carry(in net.Conn) {
	defer in.Close()
	if p.cut.Load() {
		return
	}
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	p.mu.Lock()
	p.open[in], p.open[out] = true, true
	p.mu.Unlock()
	go func() { _, _ = io.Copy(out, in) }()
	_, _ = io.Copy(in, out)
}

// sever ends all connections, in the middle of whatever they carry.
func (p *proxy) sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
}

// inBucket puts the archive into a new bucket of S3_ENDPOINT, behind a proxy; without a server into a folder.
func inBucket(t *testing.T) (place objects.Place, between *proxy) {
	t.Helper()
	endpoint := os.Getenv("S3_ENDPOINT")
	if endpoint == "" {
		folder := t.TempDir()
		t.Setenv("ARCHIVE_URL", "file://"+folder)
		return objects.NewDirectory(folder), nil
	}
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret",
	} {
		t.Setenv(key, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bucket := aws.String(fmt.Sprintf("it-%d", time.Now().UnixNano()))
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	place = objects.NewBucket(cfg, *bucket, "a")
	between = newProxy(t, strings.TrimPrefix(endpoint, "http://"))
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+between.ln.Addr().String())
	t.Setenv("ARCHIVE_URL", "s3://"+*bucket+"/a")
	return place, between
}
