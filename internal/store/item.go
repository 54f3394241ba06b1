package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

// The attributes of an item. An operator reads them in the console, so the outcome is in plain words; the table's
// definition knows pk and expires_at.
const (
	attrKey       = "pk"
	attrProcessor = "processor"  // absent: the first
	attrExpires   = "expires_at" // Unix seconds, as DynamoDB's TTL has them
	attrVersion   = "version"
	attrSource    = "source"
	attrID        = "id"
	attrStatus    = "status" // absent: no outcome yet, nor any of the following
	attrType      = "type"
	attrClient    = "client"
	attrAttempts  = "attempts"
	attrHops      = "hops"
	attrAt        = "at" // RFC 3339
	attrTopic     = "topic"
	attrPartition = "partition"
	attrOffset    = "offset"
	attrReason    = "reason"

	attrLetterTopic     = "letter_topic" // absent: no dead letter, nor any of the following
	attrLetterPartition = "letter_partition"
	attrLetterOffset    = "letter_offset"

	attrWorkOwner    = "work_owner"
	attrWorkHops     = "work_hops"
	attrWorkAttempts = "work_attempts"
	attrWorkBegan    = "work_began_ms" // Unix milliseconds, as the next
	attrWorkUntil    = "work_until_ms" // absent: no lease
	attrWorkReason   = "work_reason"
)

// maxKeyBytes is DynamoDB's limit of a partition key.
const maxKeyBytes = 2048

// subject is what an item is about: an event, as one processor knows it.
type subject struct {
	event.Identity
	processor string // "": the first
}

// partitionKey joins source and id so that no two events have the same: the first space ends the source, in which
// spaces are escaped. What another processor than the first knows of an event begins with % and the processor's name:
// in a source 25 or 20 stands behind each %, and a name begins with a letter. What is too long for a key, or no text,
// becomes a hash, which has no space in it.
func partitionKey(of subject) string {
	key := sourceEscaper.Replace(of.Source) + " " + of.ID
	if of.processor != "" {
		key = "%" + of.processor + " " + key
	}
	if len(key) <= maxKeyBytes && utf8.ValidString(key) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

var sourceEscaper = strings.NewReplacer("%", "%25", " ", "%20")

// name is the event's name in an error, which may end in a log.
func name(id event.Identity) string {
	return fmt.Sprintf("event %q of %q", event.Shorten(id.ID), event.Shorten(id.Source))
}

// attribute is one of an item's, each of which is a text or a number.
type attribute struct {
	name     string
	text     string
	number   int64
	isNumber bool
}

func (a attribute) value() types.AttributeValue {
	if a.isNumber {
		return number(a.number)
	}
	return text(a.text)
}

// attributes returns e for the table, its key first and then in an order that is always the same. source, id and
// processor are for people's eyes: the key may be a hash.
func (e *entry) attributes(of subject) []attribute {
	all := make([]attribute, 0, 24)
	texts := func(name, value string) { all = append(all, attribute{name: name, text: value}) }
	numbers := func(name string, value int64) {
		all = append(all, attribute{name: name, number: value, isNumber: true})
	}
	optional := func(name, value string) {
		if value != "" {
			texts(name, value)
		}
	}
	texts(attrKey, partitionKey(of))
	texts(attrSource, event.Shorten(of.Source))
	texts(attrID, event.Shorten(of.ID))
	optional(attrProcessor, of.processor)
	numbers(attrVersion, e.version)
	numbers(attrExpires, e.expires.Add(time.Second-1).Unix()) // rounded up
	numbers(attrWorkHops, int64(e.work.hops))
	numbers(attrWorkAttempts, int64(e.work.attempts))
	optional(attrWorkOwner, e.work.owner)
	optional(attrWorkReason, e.work.reason)
	if !e.work.until.IsZero() {
		numbers(attrWorkUntil, e.work.until.Add(time.Millisecond-1).UnixMilli()) // rounded up: never shorter than asked for
	}
	if !e.work.began.IsZero() {
		numbers(attrWorkBegan, e.work.began.UnixMilli())
	}
	if o := e.outcome; o.Status != "" {
		texts(attrStatus, string(o.Status))
		numbers(attrAttempts, int64(o.Attempts))
		numbers(attrHops, int64(o.Hops))
		texts(attrAt, o.At.UTC().Format(time.RFC3339Nano))
		numbers(attrPartition, int64(o.Partition))
		numbers(attrOffset, o.Offset)
		optional(attrType, o.Type)
		optional(attrClient, o.Client)
		optional(attrTopic, o.Topic)
		optional(attrReason, o.Reason)
		if l := o.Letter; l.Topic != "" {
			texts(attrLetterTopic, l.Topic)
			numbers(attrLetterPartition, int64(l.Partition))
			numbers(attrLetterOffset, l.Offset)
		}
	}
	return all
}

// item returns e as PutItem takes it.
func (e *entry) item(of subject) map[string]types.AttributeValue {
	all := e.attributes(of)
	item := make(map[string]types.AttributeValue, len(all))
	for _, a := range all {
		item[a.name] = a.value()
	}
	return item
}

// entryOf reads an item; without an item there is no entry. An item that this code has not written is
// event.ErrUnreadable: taken for a new event, it would take effect twice.
func entryOf(item map[string]types.AttributeValue) (*entry, error) {
	if len(item) == 0 {
		return nil, nil
	}
	r := itemReader{item: item}
	e := &entry{
		version: r.number(attrVersion),
		expires: time.Unix(r.number(attrExpires), 0),
		work: work{
			owner:    r.text(attrWorkOwner),
			hops:     int(r.number(attrWorkHops)),
			attempts: int(r.number(attrWorkAttempts)),
			reason:   r.text(attrWorkReason),
		},
	}
	if item[attrWorkBegan] != nil {
		e.work.began = time.UnixMilli(r.number(attrWorkBegan))
	}
	if item[attrWorkUntil] != nil {
		e.work.until = time.UnixMilli(r.number(attrWorkUntil))
	}
	if status := r.text(attrStatus); status != "" {
		at, err := time.Parse(time.RFC3339Nano, r.text(attrAt))
		if err != nil {
			r.fault(attrAt)
		}
		if status != string(event.StatusProcessed) && status != string(event.StatusDeadLettered) { // of a later version
			r.fault(attrStatus)
		}
		e.outcome = event.Outcome{
			Place: event.Place{
				Topic: r.text(attrTopic), Partition: int32(r.number(attrPartition)), Offset: r.number(attrOffset),
			},
			Type: r.text(attrType), Client: r.text(attrClient), Status: event.Status(status), At: at, Reason: r.text(attrReason),
			Attempts: int(r.number(attrAttempts)), Hops: int(r.number(attrHops)),
		}
		if topic := r.text(attrLetterTopic); topic != "" {
			e.outcome.Letter = event.Place{
				Topic: topic, Partition: int32(r.number(attrLetterPartition)), Offset: r.number(attrLetterOffset),
			}
		}
	}
	return e, r.err
}

// itemReader keeps the first fault, so that it is asked for once.
type itemReader struct {
	item map[string]types.AttributeValue
	err  error
}

func (r *itemReader) fault(attribute string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: its attribute %s is missing or has another form", event.ErrUnreadable, attribute)
	}
}

func (r *itemReader) number(attribute string) int64 {
	v, _ := r.item[attribute].(*types.AttributeValueMemberN)
	if v == nil {
		r.fault(attribute)
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		r.fault(attribute)
	}
	return n
}

// text returns "" for an attribute that is not there: empty ones are not written.
func (r *itemReader) text(attribute string) string {
	if v, ok := r.item[attribute].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	if r.item[attribute] != nil {
		r.fault(attribute)
	}
	return ""
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
