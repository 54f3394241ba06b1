package api

import "net/http"

// kind is a kind of problem: one line of the catalogue, one page under /docs/problems/, one type URI. Clients tell
// problems apart by the type, so a name must never change.
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
	malformed = &kind{"malformed-request", 400, "The request is malformed", false,
		"The body is not valid JSON, is cut short, or holds more than one value; or the path or the HTTP framing is " +
			"invalid. Nothing was stored.",
		"Fix the request; detail says where the fault is. Let a JSON library write the body, in UTF-8.",
		"the body is not valid JSON: unexpected end (at byte 12)"}
	invalidEvent = &kind{"invalid-event", 400, "The event is not a valid CloudEvent", false,
		"The request was read, but its content is not a valid CloudEvent 1.0. errors lists each fault with a JSON Pointer " +
			"into the body or the name of a header. The event was not stored.",
		"Fix each fault in errors, then send the event again. All faults are reported at once.",
		"the event is not a valid CloudEvent 1.0; see errors"}
	invalidParameter = &kind{"invalid-parameter", 400, "A parameter or header is invalid", false,
		"A query parameter or a header has a value that this operation does not accept. errors names it. Nothing was stored.",
		"Fix the value as errors says.",
		"the name is invalid; see errors"}
	batchRefused = &kind{"batch-refused", 400, "No event in the batch was accepted", false,
		"Every event in the batch was refused; results has an entry for each, in order. Nothing was stored.",
		"Fix each event as the problem in its result says, then send the batch again.",
		"no event in the batch was accepted; see results"}
	keyNeeded = &kind{"key-needed", 401, "An API key is required", false,
		"This operation requires an API key. The request has none, or its key is not valid, or no longer valid.",
		"Send your key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. The operators of the service issue keys.",
		"send an API key, as Authorization: Bearer or X-API-Key"}
	sourceRefused = &kind{"source-not-allowed", 403, "The source belongs to another client", false,
		"Source and id name an event, so a client may not post another client's sources. Your key is not bound to this " +
			"source, or another client's key is. The event was not stored.",
		"Use one of your own sources, or send application/json without a source. The operators of the service bind keys " +
			"to sources.",
		"this client may not post events of this source; see errors"}
	typeRefused = &kind{"type-not-allowed", 403, "The event type is not this client's to post", false,
		"Your key is bound to certain event types, and this is none of them. The event was not stored.",
		"Post events of the types that your key is for, or ask the operators of the service to add this type to it.",
		"this client may not post events of this type; see errors"}
	blocked = &kind{"blocked", 403, "The request was blocked", false,
		"The firewall in front of the service refused the request, because of the address or the country it came from, " +
			"or of what it says about its sender. The service never saw it, and nothing was stored. It has no request id.",
		"Ask the operators of the service, and tell them the time and your address.",
		"the firewall before the service refused the request"}
	notFound = &kind{"not-found", 404, "Not found", false,
		"No resource exists at this path.",
		"Check the path in /docs; paths are case-sensitive.",
		"no resource exists at this path"}
	notKnown = &kind{"event-not-known", 404, "The outcome of this event is not known", true,
		"The event has not been processed yet, its outcome has expired, or no event with this source and id was posted.",
		"Right after a post, ask again after Retry-After. If it stays unknown, check the source: source and id together " +
			"identify an event, and without ?source= the default source is used.",
		`the outcome of the event with id "order-1" and source "/orders" is not known`}
	methodNotAllowed = &kind{"method-not-allowed", 405, "The method is not allowed", false,
		"The path exists but does not support this method. The Allow header lists the methods that it supports.",
		"Use one of the methods in Allow.",
		"this path does not support this method; see the Allow header"}
	notAcceptable = &kind{"not-acceptable", 406, "No acceptable media type", false,
		"The Accept header excludes all media types of this operation. Nothing was stored.",
		"Accept application/json or application/xml, or omit the header.",
		"answers are application/json or application/xml; the Accept header allows neither"}
	tooSlow = &kind{"request-timeout", 408, "The request did not arrive in time", true,
		"Headers and body must arrive within ten seconds. The connection was closed. Nothing was stored.",
		"Send the request again, over a better connection or with fewer events.",
		"the request did not arrive in time"}
	bodyTooLarge = &kind{"body-too-large", 413, "The body is too large", false,
		"The body is larger than 4 MiB. Nothing was stored.",
		"Send fewer events at once, or less data in each.",
		"the body is larger than 4 MiB; send fewer events at once, or less data"}
	batchTooLarge = &kind{"batch-too-large", 413, "The batch has too many events", false,
		"A batch may have 1,000 events, and no more than the rate limit allows at once. Nothing was stored.",
		"Split the batch.",
		"a batch may have at most 1000 events; split it"}
	eventTooLarge = &kind{"event-too-large", 413, "The event is too large", false,
		"The event with its attributes is larger than Kafka accepts, about 1 MB. It was not stored.",
		"Send less data, or store the data elsewhere and send a reference to it.",
		"the event is larger than Kafka accepts (about 1 MB with its attributes); send less data, or a reference to it"}
	unsupportedMedia = &kind{"unsupported-media-type", 415, "The media type is not supported", false,
		"The Content-Type is not one of the event formats that this service reads, or the Content-Encoding is neither " +
			"gzip nor zstd. Nothing was stored.",
		"Send application/json, application/cloudevents+json or application/cloudevents-batch+json, or any type with ce- " +
			"headers; uncompressed, or with gzip or zstd.",
		`"text/plain" without ce- headers is not an event`}
	schemaViolation = &kind{"schema-violation", 422, "The data does not match its schema", false,
		"The event is a valid CloudEvent, but its data does not match the JSON Schema of its type. errors lists each " +
			"violation with a JSON Pointer and what was expected. The event was not stored.",
		"Fix the data. GET /v1/schemas/{type} returns the schema.",
		"the data does not match the schema of its type; see errors"}
	schemaUnknown = &kind{"schema-unknown", 422, "The event type has no schema", false,
		"This deployment accepts only event types that have a schema, and this type has none. The event was not stored.",
		"GET /v1/schemas lists the types. The operators of the service add schemas.",
		"this deployment accepts only event types that have a schema; GET /v1/schemas lists them"}
	rateLimited = &kind{"rate-limited", 429, "The rate limit is exceeded", true,
		"The client has sent more than its limit allows; each event in a batch counts. Nothing was stored. " +
			"RateLimit-Policy states the limit, RateLimit what is left of it.",
		"Wait for as many seconds as Retry-After says, then send the request again. Spread requests over time.",
		"the limit of 100 events in 1s is exceeded"}
	headersTooLarge = &kind{"headers-too-large", 431, "The headers are too large", false,
		"The request line and headers together are larger than 32 KiB. Nothing was stored.",
		"Send events with large attributes in structured mode.",
		"the headers are larger than 32 KiB; use the structured mode for large attributes"}
	internalError = &kind{"internal-error", 500, "Internal error", false,
		"An unexpected error occurred. It is logged with the request id. Whether the event was stored is not known.",
		"Report the request_id to the operators. Sending the event again with the same source and id is safe, but seldom " +
			"helps.",
		"an unexpected error occurred; it is logged with the request id"}
	kafkaRefuses = &kind{"kafka-refuses", 500, "Kafka refuses events", false,
		"The service is misconfigured: a topic or a permission is missing. The event was not stored.",
		"Report the request_id to the operators. Sending the event again does not help.",
		"Kafka refuses the event because the service is misconfigured; its operators must fix that"}
	noOutcomes = &kind{"outcomes-not-kept", 501, "Outcomes are not available", false,
		"This deployment has no store that the API can read outcomes from.",
		"Operators: set STORE=dynamodb for the API and the processor.",
		"this deployment has no store of outcomes that the API can read; set STORE=dynamodb for the API and the processor"}
	overloaded = &kind{"overloaded", 503, "Overloaded", true,
		"The service is handling as many requests, or as many bytes, as it can. Nothing was stored.",
		"Wait for as many seconds as Retry-After says, then send the request again; wait longer each time.",
		"too many requests are in progress; try again later"}
	notSent = &kind{"not-sent", 503, "The event could not be sent to Kafka", true,
		"Kafka can't be reached, or so much waits for it that there is no room for more. The event was never sent, so it " +
			"was not stored.",
		"Send the event again after Retry-After; wait longer each time.",
		"Kafka can't be reached, or does not keep up; the event was not sent, so send it again after a pause"}
	keysUnavailable = &kind{"keys-unavailable", 503, "The keys of subjects are unavailable", true,
		"The data of events of this type is encrypted before it is stored, and the key can't be read now. The event was " +
			"not sent, so it was not stored.",
		"Send the event again after Retry-After; wait longer each time.",
		"the data of this event is to be encrypted, and the key can't be read now; send the event again after a pause"}
	outcomeUnknown = &kind{"outcome-unknown", 503, "Kafka did not acknowledge in time", true,
		"The event was sent to Kafka, which has not answered. Whether it is stored is not known.",
		"Send it again with the same source and id: the processor drops a copy. An event without an id gets a new one " +
			"each time; use Idempotency-Key with it.",
		"Kafka did not acknowledge the event in time, so whether it is stored is not known; send it again with the same " +
			"source and id: a copy is dropped"}
	batchUnavailable = &kind{"batch-not-stored", 503, "No event in the batch is known to be stored", true,
		"No event in the batch was acknowledged, and at least one can be sent again; results has an entry for each, in " +
			"order.",
		"Send again the events whose problem is retryable, with the same source and id; fix the others.",
		"no event in the batch was accepted; see results"}
	storeUnavailable = &kind{"store-unavailable", 503, "The store of outcomes is unavailable", true,
		"The outcome of the event can't be read now. Posting is not affected.",
		"Ask again after Retry-After.",
		"the store of outcomes is unavailable; ask again later"}
)

// catalogue is every kind, by status.
var catalogue = []*kind{
	malformed, invalidEvent, invalidParameter, batchRefused, keyNeeded, sourceRefused, typeRefused, blocked, notFound,
	notKnown,
	methodNotAllowed, notAcceptable,
	tooSlow, bodyTooLarge, batchTooLarge, eventTooLarge, unsupportedMedia, schemaViolation, schemaUnknown, rateLimited,
	headersTooLarge, internalError, kafkaRefuses, noOutcomes, overloaded, notSent, keysUnavailable, outcomeUnknown,
	batchUnavailable, storeUnavailable,
}
