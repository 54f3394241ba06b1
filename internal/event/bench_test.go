package event_test

import (
	"bytes"
	"fmt"
	"testing"

	"event-processing-service/internal/event"
)

// benchEvent has 270 bytes, about the size of a small business event.
func benchEvent(i int) string {
	return fmt.Sprintf(
		`{"specversion":"1.0","id":"0190c5a2-7c5e-7000-8000-%012d","source":"/shop/checkout","type":"order.created",`+
			`"subject":"customer-%06d","time":"2026-01-31T12:00:00.123456Z","datacontenttype":"application/json",`+
			`"partitionkey":"c-%06d",`+
			`"data":{"n":%d,"total":12.50}}`, i, i, i, i%10)
}

func benchBatch(n int) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(benchEvent(i))
	}
	b.WriteByte(']')
	return b.Bytes()
}

func BenchmarkParseStructured(b *testing.B) {
	body := []byte(benchEvent(1))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseStructured(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseBatchOf1000(b *testing.B) {
	const n = 1000
	body := benchBatch(n)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch, err := event.ParseBatch(body, n)
		if err != nil || len(batch) != n || batch[n-1].Err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
}

func BenchmarkParseBinary(b *testing.B) {
	body := []byte(`{"n":1,"total":12.50}`)
	headers := seqOf(
		"Host", "localhost", "User-Agent", "bench", "Ce-Specversion", "1.0", "Ce-Id", "0190c5a2-7c5e-7000-8000-000000000001",
		"Ce-Source", "/shop/checkout", "Ce-Type", "order.created", "Ce-Subject", "customer-000001",
		"Ce-Time", "2026-01-31T12:00:00.123456Z", "Ce-Partitionkey", "c-000001")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseBinary("application/json", headers, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHeaders(b *testing.B) {
	e, err := event.ParseStructured([]byte(benchEvent(1)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		headers, _ := event.AppendHeaders(make([]event.Header, 0, 10), make([]byte, 0, 256), &e)
		if len(headers) != 8 {
			b.Fatal(headers)
		}
	}
}

func BenchmarkFromRecord(b *testing.B) {
	e, err := event.ParseStructured([]byte(benchEvent(1)))
	if err != nil {
		b.Fatal(err)
	}
	r := event.Record{Place: event.Place{Topic: "events"}, Value: e.Data, Headers: recordHeaders(&e)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.FromRecord(&r); err != nil {
			b.Fatal(err)
		}
	}
}
