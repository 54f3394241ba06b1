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
	attrExpires   = "expires_at" // Unix seconds, as DynamoDB's TTL has them
	attrVersion   = "version"
	attrSource    = "source"
	attrID        = "id"
	attrStatus    = "status" // absent: no outcome yet, nor any of the following
	attrType      = "type"
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

// partitionKey joins source and id so that no two events have the same: the first space ends the source, in which spaces
// are escaped. What is too long for a key, or no text, becomes a hash, which has no space in it.
func partitionKey(id event.Identity) string {
	key := sourceEscaper.Replace(id.Source) + " " + id.ID
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

// item returns e for the table. source and id are for people's eyes: the key may be a hash.
func (e *entry) item(id event.Identity) map[string]types.AttributeValue {
	item := map[string]types.AttributeValue{
		attrKey:          text(partitionKey(id)),
		attrSource:       text(event.Shorten(id.Source)),
		attrID:           text(event.Shorten(id.ID)),
		attrVersion:      number(e.version),
		attrExpires:      number(e.expires.Add(time.Second - 1).Unix()), // rounded up
		attrWorkHops:     number(int64(e.work.hops)),
		attrWorkAttempts: number(int64(e.work.attempts)),
	}
	optional := func(name, value string) {
		if value != "" {
			item[name] = text(value)
		}
	}
	optional(attrWorkOwner, e.work.owner)
	optional(attrWorkReason, e.work.reason)
	if !e.work.until.IsZero() {
		item[attrWorkUntil] = number(e.work.until.Add(time.Millisecond - 1).UnixMilli()) // rounded up: a lease is never shorter than asked for
	}
	if !e.work.began.IsZero() {
		item[attrWorkBegan] = number(e.work.began.UnixMilli())
	}
	if o := e.outcome; o.Status != event.StatusUnfinished {
		item[attrStatus] = text(string(o.Status))
		item[attrAttempts] = number(int64(o.Attempts))
		item[attrHops] = number(int64(o.Hops))
		item[attrAt] = text(o.At.UTC().Format(time.RFC3339Nano))
		item[attrPartition] = number(int64(o.Partition))
		item[attrOffset] = number(o.Offset)
		optional(attrType, o.Type)
		optional(attrTopic, o.Topic)
		optional(attrReason, o.Reason)
		if l := o.Letter; l.Topic != "" {
			item[attrLetterTopic], item[attrLetterPartition], item[attrLetterOffset] = text(l.Topic), number(int64(l.Partition)), number(l.Offset)
		}
	}
	return item
}

// entryOf reads an item; no item is no entry. An item that this code has not written is an error: to take it for a new
// event would be to do it twice.
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
		e.outcome = event.Outcome{
			Type: r.text(attrType), Status: event.Status(status), Attempts: int(r.number(attrAttempts)), Hops: int(r.number(attrHops)), At: at,
			Topic: r.text(attrTopic), Partition: int32(r.number(attrPartition)), Offset: r.number(attrOffset), Reason: r.text(attrReason),
		}
		if topic := r.text(attrLetterTopic); topic != "" {
			e.outcome.Letter = event.Place{Topic: topic, Partition: int32(r.number(attrLetterPartition)), Offset: r.number(attrLetterOffset)}
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
		r.err = fmt.Errorf("read item: attribute %s is missing or not what this program writes", attribute)
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
