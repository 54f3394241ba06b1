package main

import (
	"bytes"
	"fmt"
	"strings"
)

// idMark is where an event's id will be written.
var idMark = strings.Repeat("#", idDigits)

// eventBytes is the size of a structured event, as in the comparisons with other services.
const eventBytes = 270

const envelope = `{"specversion":"1.0","id":"%s","source":"/bench/orders","type":"order.created",` +
	`"time":"2026-01-31T12:00:00Z","datacontenttype":"application/json","data":%s}`

// data is a JSON object of n bytes.
func data(n int) string {
	const empty = `{"order":12345,"note":""}`
	return fmt.Sprintf(`{"order":12345,"note":"%s"}`, strings.Repeat("x", max(0, n-len(empty))))
}

// structuredEvent is one event of size bytes with its envelope.
func structuredEvent(size int) string {
	return fmt.Sprintf(envelope, idMark, data(size-len(fmt.Sprintf(envelope, idMark, ""))))
}

func structured(size int) *request {
	return post(1, "Content-Type: application/cloudevents+json\r\n", structuredEvent(size))
}

// binary has the same attributes and data as structured.
func binary(size int) *request {
	headers := "ce-specversion: 1.0\r\nce-id: " + idMark + "\r\nce-source: /bench/orders\r\nce-type: order.created\r\n" +
		"ce-time: 2026-01-31T12:00:00Z\r\nContent-Type: application/json\r\n"
	return post(1, headers, data(size-len(fmt.Sprintf(envelope, idMark, ""))))
}

func batch(n int) *request {
	one := structuredEvent(eventBytes)
	return post(n, "Content-Type: application/cloudevents-batch+json\r\n", "["+one+strings.Repeat(","+one, n-1)+"]")
}

func post(events int, headers, body string) *request {
	r := &request{events: events,
		bytes: fmt.Appendf(nil,
			"POST /v1/events HTTP/1.1\r\nHost: bench\r\nX-API-Key: "+key+"\r\n%sContent-Length: %d\r\n\r\n%s", headers,
			len(body), body)}
	for at := 0; ; at += idDigits {
		i := bytes.Index(r.bytes[at:], []byte(idMark))
		if i < 0 {
			return r
		}
		at += i
		r.ids = append(r.ids, at)
	}
}
