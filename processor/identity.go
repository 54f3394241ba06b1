package processor

import (
	"cmp"
	"strings"

	"event-processing-service/internal/event"
)

// Decode reads the event of a record, of its replay, or of its dead letter: it is the same in all three. The id of a
// record without CloudEvents attributes is the member of its JSON that the operator names, or else its place. With an
// error, the event has only the identity under which the invalid record is known.
func Decode(r *event.Record, member string) (event.Event, error) {
	from := origin(r)
	e, err := event.FromRecord(&from)
	if err != nil {
		e = event.Event{ID: from.PlaceID(), Source: event.ForeignSource(from.Topic)}
	}
	isForeign := e.Source == event.ForeignSource(from.Topic) // no event may use it as its source
	switch {
	case isForeign && isOldLetter(r):
		e.ID = oldID(&from, err == nil)
	case isForeign && err == nil && member != "":
		if id := event.MemberID(from.Value, member); !strings.HasPrefix(id, from.Topic+"/") { // not another record's place
			e.ID = cmp.Or(id, e.ID)
		}
	}
	return e, err
}

// identityVersion is the version of the rules in Decode. The rules before it apply to letters without a version, and
// to their replays.
const identityVersion = "2"

// isOldLetter tells whether r is a letter, or its replay, from the time when places had no timestamp and any "id" in
// the JSON was the id.
func isOldLetter(r *event.Record) bool {
	return hops(r) > 0 && lastHeader(r, headerVersion) != identityVersion
}

func oldID(r *event.Record, isEvent bool) string {
	if isEvent {
		return cmp.Or(event.MemberID(r.Value, "id"), r.String())
	}
	return r.String()
}
