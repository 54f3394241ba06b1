package api

import "net/http"

// kind is a kind of problem: one line of the catalogue, one page under /docs/problems/, one type URI. Clients tell
// problems apart by it, so a name is kept for ever.
type kind struct {
	Name    string
	Status  int
	Title   string
	Retry   bool   // whether the same request, sent again, can succeed
	Meaning string // what happened
	Remedy  string // what the client does about it
	Detail  string // of the example
}

// Path is the page that explains the problem.
func (k *kind) Path() string { return "/docs/problems/" + k.Name }

// Phrase is the HTTP status's own.
func (k *kind) Phrase() string { return http.StatusText(k.Status) }

// Every problem that this service answers with.
var (
	malformed = &kind{"malformed-request", 400, "The request can't be read", false,
		"The body is not JSON, ends too early or holds more than one value, or the path or the framing of the request is broken. Nothing was stored.",
		"Mend the request; detail says where it breaks. Send what a JSON library wrote, as UTF-8.",
		"the body is not valid JSON: unexpected end (at byte 12)"}
	invalidEvent = &kind{"invalid-event", 400, "The event is not a valid CloudEvent", false,
		"The request was read, but what it holds is no CloudEvent of version 1.0. errors has one entry for each fault: a JSON Pointer into the body, or the name of a header. The event was not stored.",
		"Mend every entry of errors, then send the event again. All faults are reported at once.",
		"the event is not a valid CloudEvent 1.0; see errors"}
	invalidParameter = &kind{"invalid-parameter", 400, "A parameter or header can't be used", false,
		"A query parameter or a header has a value that this operation does not take. errors names it. Nothing was stored.",
		"Mend the value as errors says.",
		"the name can't be used; see errors"}
	batchRefused = &kind{"batch-refused", 400, "No event of the batch was accepted", false,
		"Each event of the batch has a fault of its own; results has one entry for each, in order. Nothing was stored.",
		"Mend the events as the problem of each result says, and send them again.",
		"no event of the batch was accepted; see results for each"}
	keyNeeded = &kind{"key-needed", 401, "An API key is needed", false,
		"This operation is for known clients. The request has no key, or one that is not, or no longer, valid.",
		"Send your key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. The operators of the service give keys out.",
		"send an API key, as Authorization: Bearer or X-API-Key"}
	notFound = &kind{"not-found", 404, "There is nothing here", false,
		"The service has nothing at this path.",
		"Look the path up in /docs; paths are case-sensitive.",
		"there is nothing at this path"}
	notKnown = &kind{"event-not-known", 404, "No outcome is known of this event", true,
		"The event is not processed yet, its outcome is forgotten, or there never was one with this source and id.",
		"Right after a post, ask again after Retry-After. If it stays unknown, look whether the source is right: source and id together name an event, and without ?source= it is the service's own.",
		`no outcome is known of the event with id "order-1" and source "/orders"`}
	methodNotAllowed = &kind{"method-not-allowed", 405, "This path does not take this method", false,
		"The path is there, but not for this method. The Allow header names those that it takes.",
		"Use a method that Allow names.",
		"this path does not take this method; see the Allow header for those that it does"}
	notAcceptable = &kind{"not-acceptable", 406, "No answer in an accepted media type", false,
		"The Accept header leaves none of the media types in which this operation answers. Nothing was stored.",
		"Accept application/json or application/xml, or leave the header out.",
		"answers are application/json or application/xml; the Accept header takes neither"}
	tooSlow = &kind{"request-timeout", 408, "The request did not arrive in time", true,
		"Headers and body have to arrive within ten seconds. The connection is closed. Nothing was stored.",
		"Send it again, over a better connection or in smaller batches.",
		"the request did not arrive in time"}
	bodyTooLarge = &kind{"body-too-large", 413, "The body is too large", false,
		"The body is larger than the service takes (4 MiB). Nothing was stored.",
		"Send fewer events at once, or less data in each.",
		"the body is larger than this service takes; send fewer events at once, or less data"}
	batchTooLarge = &kind{"batch-too-large", 413, "The batch holds too many events", false,
		"A batch holds at most 1,000 events, and never more than the rate limit admits at once. Nothing was stored.",
		"Send several batches.",
		"a batch holds at most 1000 events; send several"}
	eventTooLarge = &kind{"event-too-large", 413, "The event is too large", false,
		"One event with its attributes is larger than Kafka takes, which is about 1 MB. It was not stored.",
		"Send less data, or put the data elsewhere and send a reference to it.",
		"the event is larger than Kafka takes (about 1 MB with its attributes); send less data, or a reference to it"}
	unsupportedMedia = &kind{"unsupported-media-type", 415, "The body is of a type that is not taken", false,
		"The Content-Type is no form of an event that this service reads, or the body is compressed. Nothing was stored.",
		"Send application/json, application/cloudevents+json or application/cloudevents-batch+json, or any type with ce- headers; without Content-Encoding.",
		`"text/plain" without ce- headers is no event`}
	schemaViolation = &kind{"schema-violation", 422, "The data breaks its schema", false,
		"The event is a CloudEvent, but its data breaks the JSON Schema of its type. errors has one entry for each violation: a JSON Pointer and what was expected. The event was not stored.",
		"Mend the data. GET /v1/schemas/{type} shows the schema.",
		"the data breaks the schema of its type; see errors"}
	schemaUnknown = &kind{"schema-unknown", 422, "The event's type is not known", false,
		"This deployment takes only events whose type has a schema, and this type has none. The event was not stored.",
		"Look at GET /v1/schemas for the types there are; the operators of the service add schemas.",
		"this deployment takes only types that have a schema; GET /v1/schemas lists them"}
	rateLimited = &kind{"rate-limited", 429, "The rate limit is used up", true,
		"This client has sent more than its limit admits; an event of a batch counts as a request. Nothing was stored. RateLimit-Policy has the limit, RateLimit what is left.",
		"Wait as many seconds as Retry-After says, then send it again; spread requests out, or put events into batches.",
		"the limit of 100 events each 1s is used up"}
	headersTooLarge = &kind{"headers-too-large", 431, "The headers are too large", false,
		"The request line and headers together are larger than the service takes (32 KiB). Nothing was stored.",
		"Use the structured mode for events with large attributes.",
		"the headers are larger than this service takes; use the structured mode for large attributes"}
	internalError = &kind{"internal-error", 500, "The service made a mistake", false,
		"Something happened that should not. It is logged under the request id. Whether the event is stored is not known.",
		"Tell the operators the request_id. A retry with the same source and id is safe, but seldom helps.",
		"the service made a mistake; it is logged under the request id"}
	kafkaRefuses = &kind{"kafka-refuses", 500, "Kafka refuses events", false,
		"The service's own setup is wrong: a missing topic or right. The event was not stored.",
		"Tell the operators the request_id; a retry does not mend it.",
		"Kafka refuses events because of how the service is set up; its operators have to mend that"}
	noOutcomes = &kind{"outcomes-not-kept", 501, "Outcomes are not kept here", false,
		"This deployment has no store that the API can read outcomes from.",
		"Operators: set STORE=dynamodb for the API and the processor.",
		"this deployment keeps no outcomes that the API can read; set STORE=dynamodb for the API and the processor"}
	overloaded = &kind{"overloaded", 503, "The service has too much to do", true,
		"As many requests are under way, or as many bytes of bodies held, as the service has room for. Nothing was stored.",
		"Wait as many seconds as Retry-After says and send it again; wait longer each time.",
		"too many requests are under way; send it again after a pause"}
	notSent = &kind{"not-sent", 503, "Kafka takes no more now", true,
		"Too much waits for Kafka. The event was never sent, so it was not stored.",
		"Send it again after Retry-After; wait longer each time.",
		"too much is waiting for Kafka; the event was not sent, so send it again after a pause"}
	outcomeUnknown = &kind{"outcome-unknown", 503, "Kafka did not acknowledge in time", true,
		"Whether the event is stored is not known: Kafka was sent it and has not answered.",
		"Send it again with the same source and id: a copy is dropped by the processor. Events without an id get another one each time; use Idempotency-Key with them.",
		"Kafka did not acknowledge the event in time, so whether it is stored is not known; send it again with the same source and id: a copy is dropped"}
	batchUnavailable = &kind{"batch-not-stored", 503, "No event of the batch is known to be stored", true,
		"No event of the batch was acknowledged, and at least one of them can be sent again; results has one entry for each, in order.",
		"Send those again whose problem is retryable, with the same source and id; mend the others.",
		"no event of the batch was accepted; see results for each"}
	storeUnavailable = &kind{"store-unavailable", 503, "The store of outcomes does not answer", true,
		"What became of the event can't be read now. Posting is not affected.",
		"Ask again after Retry-After.",
		"the store of outcomes does not answer; ask again"}
)

// catalogue is every kind, by status.
var catalogue = []*kind{
	malformed, invalidEvent, invalidParameter, batchRefused, keyNeeded, notFound, notKnown, methodNotAllowed, notAcceptable,
	tooSlow, bodyTooLarge, batchTooLarge, eventTooLarge, unsupportedMedia, schemaViolation, schemaUnknown, rateLimited,
	headersTooLarge, internalError, kafkaRefuses, noOutcomes, overloaded, notSent, outcomeUnknown, batchUnavailable,
	storeUnavailable,
}
