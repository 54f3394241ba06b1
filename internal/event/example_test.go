package event_test

import (
	"errors"
	"fmt"
	"strings"

	"event-processing-service/internal/event"
)

// A client's event becomes a Kafka record, and the record becomes the event again.
func Example() {
	e, err := event.ParseStructured([]byte(`{
		"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.created", "partitionkey": "customer-7",
		"data": {"total": 12.50}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	headers, _ := event.AppendHeaders([]event.Header(nil), nil, &e)
	r := event.Record{Place: event.Place{Topic: "events"}, Key: []byte(e.PartitionKey()), Value: e.Data, Headers: headers}
	fmt.Printf("key %s\n", r.Key)
	for _, h := range r.Headers {
		fmt.Printf("%s: %s\n", h.Key, h.Value)
	}
	fmt.Printf("%s\n", r.Value)

	back, err := event.FromRecord(&r)
	fmt.Println(back.Identity(), err)
	// Output:
	// key customer-7
	// ce_specversion: 1.0
	// ce_id: 1
	// ce_source: /shop
	// ce_type: order.created
	// content-type: application/json
	// ce_partitionkey: customer-7
	// {"total": 12.50}
	// {/shop 1} <nil>
}

// One bad event of a batch leaves the others alone, and says what is wrong with it and where.
func ExampleParseBatch() {
	batch, err := event.ParseBatch([]byte(`[
		{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.created"},
		{"specversion": "1.0", "id": "2", "source": "/shop", "type": "order.created", "orderId": 7}
	]`), 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range batch {
		var invalid *event.InvalidError
		if errors.As(d.Err, &invalid) {
			what, _, _ := strings.Cut(invalid.Fields[0].Detail, " (")
			fmt.Println(d.Event.ID, invalid.Fields[0].Pointer, what)
			continue
		}
		fmt.Println(d.Event.ID, "good")
	}
	// Output:
	// 1 good
	// 2 /1/orderId extension names are lower-case letters and digits only
}

// In binary mode the attributes are headers and the body is the data.
func ExampleParseBinary() {
	headers := func(yield func(string, string) bool) {
		_ = yield("Ce-Specversion", "1.0") && yield("Ce-Id", "1") && yield("Ce-Source", "/shop") &&
			yield("Ce-Type", "order.created") && yield("Ce-Subject", "Euro%20%E2%82%AC") && yield("User-Agent", "curl")
	}
	mode, err := event.DetectMode("text/csv", true)
	fmt.Println(mode == event.ModeBinary, err)
	e, err := event.ParseBinary("text/csv", headers, []byte("7;12.50"))
	fmt.Println(e.Subject, e.DataContentType, string(e.Data), err)
	// Output:
	// true <nil>
	// Euro € text/csv 7;12.50 <nil>
}

// A record of a producer that knows nothing of CloudEvents is an event, too.
func ExampleFromRecord() {
	e, err := event.FromRecord(&event.Record{Place: event.Place{Topic: "orders", Partition: 3, Offset: 42},
		Value: []byte(`{"total": 12.50}`)})
	fmt.Println(e.ID, e.Source, e.Type, e.DataContentType, err)
	// Output:
	// orders/3/42 /kafka/orders kafka.record application/json <nil>
}
