package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"event-processing-service/internal/event"
)

// text is what CloudEvents lets an attribute be: no control characters, not empty.
const text = `^[^\u0000-\u001F\u007F-\u009F]+$`

func attribute(description, example string) *huma.Schema {
	return &huma.Schema{Type: "string", MinLength: ptr(1), Pattern: text, Description: description,
		Examples: []any{example}}
}

// eventComponents are the schemas of what comes in, which is read without Go types.
func (d *description) eventComponents() {
	optional := map[string]*huma.Schema{
		"subject": attribute("What in the source it is about; the record's key, unless there is a partitionkey",
			"order-1"),
		"time": {Type: "string", Format: "date-time", Description: "When it happened",
			Examples: []any{"2026-01-31T12:00:00Z"}},
		"datacontenttype": attribute("Media type of data; without it, JSON", "application/json"),
		"dataschema": {Type: "string", Format: "uri",
			Description: "What data adheres to; filled in where the type has a schema here",
			Examples:    []any{exampleHost + "/v1/schemas/order.placed"}},
		"data": {Description: "The event's own content. Its bytes are passed on as they came."},
		"data_base64": {Type: "string", ContentEncoding: "base64",
			Description: "Data that is not JSON, in Base64; excludes data"},
		"partitionkey": attribute("Events with one key keep their order", "customer-7"),
	}
	required := map[string]*huma.Schema{
		"specversion": {Type: "string", Enum: []any{"1.0"}, Description: "The version of CloudEvents"},
		"id":          attribute("Source and id together name the event; a copy takes no effect again", "order-1"),
		"source": {Type: "string", MinLength: ptr(1), Format: "uri-reference", Description: "Where it comes from",
			Examples: []any{"/orders"}},
		"type": attribute("What happened", "order.placed"),
	}
	// Its own schema, as any other member is an extension, with a value of these types.
	extension := &huma.Schema{Extensions: map[string]any{"type": []string{"string", "boolean", "integer", "null"}}}
	schema := func(text string, names ...string) *huma.Schema {
		all := map[string]*huma.Schema{}
		for _, from := range []map[string]*huma.Schema{optional, required} {
			for name, s := range from {
				all[name] = s
			}
		}
		return &huma.Schema{Type: "object", Description: text, Required: names, Properties: all,
			AdditionalProperties: extension}
	}
	schemas := d.api.Components.Schemas.Map()
	schemas["CloudEvent"] = schema("An event in the JSON format of CloudEvents 1.0.2. Any other member is an "+
		"extension; its name is lower-case letters and digits.",
		"specversion", "id", "source", "type")
	schemas["PlainEvent"] = schema("A CloudEvent of which all but type may be left out: specversion is 1.0, id and "+
		"time are made, source is the service's.", "type")
	schemas["CloudEvents"] = &huma.Schema{Type: "array", MaxItems: ptr(maxBatch), Items: component("CloudEvent")}
}

func component(name string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + name} }

var (
	exampleData  = map[string]any{"order_id": "order-1", "amount": 1999, "currency": "EUR"}
	exampleEvent = map[string]any{"specversion": "1.0", "id": "order-1", "source": "/orders", "type": "order.placed",
		"subject": "order-1", "data": exampleData}
	otherEvent = map[string]any{"specversion": "1.0", "id": "note-1", "source": "/notes", "type": "note.written",
		"datacontenttype": "text/plain", "data": "remember the milk"}
	brokenEvent = map[string]any{"specversion": "1.0", "id": "broken-1", "source": "/notes"}
)

func eventBody() *huma.RequestBody {
	return &huma.RequestBody{
		Required: true,
		Description: "At most 4 MiB, unpacked; about 1 MB an event. Content-Encoding may be gzip or zstd, of which more " +
			"than 80 KiB must not come out as more than 100 times the bytes that were sent.",
		Content: map[string]*huma.MediaType{
			mediaJSON: {Schema: component("PlainEvent"), Examples: map[string]*huma.Example{
				"least": example("As little as there can be",
					map[string]any{"type": "order.created", "data": map[string]any{"n": 1}}),
				"full": example("With everything", exampleEvent),
			}},
			"application/cloudevents+json": {Schema: component("CloudEvent"), Examples: map[string]*huma.Example{
				"order": example("An event whose type has a schema", exampleEvent),
				"text":  example("An event whose data is not JSON", otherEvent),
			}},
			"application/cloudevents-batch+json": {Schema: component("CloudEvents"), Examples: map[string]*huma.Example{
				"two":   example("Two events", []any{exampleEvent, otherEvent}),
				"mixed": example("One event is good: the answer is 207", []any{exampleEvent, brokenEvent}),
				"none":  example("An empty batch is fine", []any{}),
			}},
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary",
				Description: "Binary mode: the attributes are ce- headers, and a body of any media type is the data as it is."}},
		},
	}
}

// binaryParameters are the attributes of binary mode. They are not required, as the other modes have none of them.
func binaryParameters() []*huma.Param {
	// The examples are in the description: as examples they would fill the form of /docs, and turn an event in its body
	// into one in binary mode.
	param := func(name, description, example string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Description: description + ", such as " + example,
			Schema: &huma.Schema{Type: "string"}}
	}
	return []*huma.Param{
		param("Idempotency-Key",
			"Of application/json only: the id of an event that has none, so that a retry is the same event. In double "+
				"quotes; 1 to 256 bytes", `"a1b2c3"`),
		param("ce-specversion", "Binary mode, where it is required", "1.0"),
		param("ce-id", "Binary mode, where it is required", "photo-1"),
		param("ce-source", "Binary mode, where it is required", "/cameras/7"),
		param("ce-type", "Binary mode, where it is required", "photo.taken"),
		param("ce-subject", "Binary mode. Other ce- headers are attributes, too; values are percent-encoded UTF-8",
			"caf%C3%A9"),
	}
}

func (d *description) postOperation() *huma.Operation {
	accepted := map[string]any{"id": "order-1", "source": "/orders", "topic": "events", "partition": 2, "offset": 42}
	both := batchAnswer{Accepted: 2,
		Results: []batchResult{{Index: 0, ID: "order-1", Status: 202}, {Index: 1, ID: "note-1", Status: 202}}}
	p := newProblem(invalidEvent, invalidEvent.Detail)
	p.Errors = []fieldError{{Pointer: "/1/type", Detail: "is required and must not be empty"}}
	p.locate(exampleHost)
	mixed := batchAnswer{Accepted: 1, Rejected: 1,
		Results: []batchResult{{Index: 0, ID: "order-1", Status: 202},
			{Index: 1, ID: "broken-1", Status: 400, Problem: &p.eventProblem}}}
	op := protected(&huma.Operation{
		Method: http.MethodPost, Path: "/v1/events", OperationID: "post-events", Tags: []string{"events"},
		Summary: "Post one event, or many",
		Description: "Answers once Kafka has them. Repeat a post with the same source and id as often as you like: the " +
			"event takes effect once. The body's Content-Type chooses the mode of CloudEvents.",
		Parameters: binaryParameters(), RequestBody: eventBody(),
		Responses: map[string]*huma.Response{
			"202": d.answer("All are stored. One event is answered with AcceptedEvent, a batch with BatchAnswer.",
				&huma.Schema{OneOf: []*huma.Schema{d.schemaOf(acceptedEvent{}), d.schemaOf(batchAnswer{})}},
				map[string]*huma.Example{"event": example("One event", accepted), "batch": example("A batch", both)},
				"Location", "RateLimit", "RateLimit-Policy"),
			"207": d.answer("Some events of a batch are stored and some are not; results tells which.",
				d.schemaOf(batchAnswer{}),
				map[string]*huma.Example{"mixed": example("One of two", mixed)}, "RateLimit", "RateLimit-Policy"),
		},
	})
	return d.problems(op, malformed, invalidEvent, invalidParameter, batchRefused, keyNeeded, sourceRefused, typeRefused,
		notAcceptable,
		tooSlow, bodyTooLarge,
		batchTooLarge, eventTooLarge, unsupportedMedia, schemaViolation, schemaUnknown, rateLimited, headersTooLarge,
		internalError,
		kafkaRefuses, overloaded, notSent, outcomeUnknown, batchUnavailable)
}

func (d *description) outcomeOperation() *huma.Operation {
	op := protected(&huma.Operation{
		Method: http.MethodGet, Path: "/v1/events/{id}", OperationID: "get-event", Tags: []string{"events"},
		Summary: "What became of an event",
		Description: "The Location of a post leads here. An event that was just accepted is not known for a moment: ask " +
			"again.",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true,
				Description: "The event's id, percent-encoded; the rest of the path, so slashes may stand in it",
				Schema:      &huma.Schema{Type: "string", MinLength: ptr(1)}, Example: "order-1"},
			{Name: "source", In: "query",
				Description: "The event's source; without it, the one that events posted without a source get",
				Schema:      &huma.Schema{Type: "string", Default: DefaultSource}, Example: "/orders"},
			{Name: "event_id", In: "query",
				Description: "The event's id instead of the one in the path, for ids that are steps in a path, as .. is",
				Schema:      &huma.Schema{Type: "string"}, Example: "order-1"},
			{Name: "processor", In: "query",
				Description: "The processor to ask, where several read the events; without it, the first, and all others in " +
					"the list of processors",
				Schema: &huma.Schema{Type: "string"}, Example: "audit"},
		},
		Responses: map[string]*huma.Response{"200": d.answer("The processor is done with it.", d.schemaOf(outcomeAnswer{}),
			map[string]*huma.Example{
				"processed": example("It took effect",
					outcomeAnswer{ID: "order-1", Source: "/orders", Type: "order.placed", Status: event.StatusProcessed,
						Attempts: 1, CompletedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Topic: "events", Partition: 2,
						Offset: 42}),
				"dead-lettered": example("It could not, and was put aside",
					outcomeAnswer{ID: "order-2", Source: "/orders", Type: "order.placed", Status: event.StatusDeadLettered,
						Attempts: 5, CompletedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Topic: "events", Partition: 2,
						Offset: 43, Reason: "the warehouse is not known",
						DeadLetter: &placeAnswer{Topic: "events.dlq", Partition: 2, Offset: 7}}),
				"replayed": example("It was a dead letter, and took effect when it was replayed",
					outcomeAnswer{ID: "order-2", Source: "/orders", Type: "order.placed", Status: event.StatusProcessed,
						Attempts: 1, CompletedAt: time.Date(2026, 1, 31, 13, 0, 0, 0, time.UTC), Topic: "events", Partition: 2,
						Offset: 57, Replays: 1}),
				"several": example("Two processors read it, of which the second is not done",
					outcomeAnswer{ID: "order-1", Source: "/orders", Type: "order.placed", Status: event.StatusProcessed,
						Attempts: 1, CompletedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Topic: "events", Partition: 2,
						Offset: 42, Processors: []processorAnswer{{Name: "audit"}}}),
			}, "Cache-Control", "RateLimit", "RateLimit-Policy")},
	})
	return d.problems(op, malformed, invalidParameter, keyNeeded, notKnown, notAcceptable, tooSlow, rateLimited,
		headersTooLarge,
		internalError, noOutcomes, overloaded, storeUnavailable)
}

// protected operations need a key where the deployment has keys; {} says that it may have none.
func protected(op *huma.Operation) *huma.Operation {
	op.Security = []map[string][]string{{}, {"bearer": {}}, {"key": {}}}
	return op
}
