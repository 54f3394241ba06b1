package processor

import (
	"cmp"
	"strings"

	"event-processing-service/internal/event"
)

// Decode reads the event of a record, of its replay, or of its dead letter: it is the same in all three. A record
// without CloudEvents attributes is known by the member of its JSON that the operator names, else by its place. With an
// error there is the identity under which a record that is not an event is known.
func Decode(r *event.Record, member string) (event.Event, error) {
	from := origin(r)
	e, err := event.FromRecord(&from)
	if err != nil {
		e = event.Event{ID: from.PlaceID(), Source: event.ForeignSource(from.Topic)}
	}
	isForeign := e.Source == event.ForeignSource(from.Topic) // which no event may name as its source
	switch {
	case isForeign && isOldLetter(r):
		e.ID = oldID(&from, err == nil)
	case isForeign && err == nil && member != "":
		if id := event.MemberID(from.Value, member); !strings.HasPrefix(id, from.Topic+"/") { // no place of another record
			e.ID = cmp.Or(id, e.ID)
		}
	}
	return e, err
}

// identityVersion is that of the rules above. A letter without it, or its replay, is known by those before it.
const identityVersion = "2"

// isOldLetter tells whether r was a dead letter when a record's place had no timestamp and its id was any "id" of its
// JSON.
func isOldLetter(r *event.Record) bool {
	return hops(r) > 0 && lastHeader(r, headerVersion) != identityVersion
}

func oldID(r *event.Record, isEvent bool) string {
	if isEvent {
		return cmp.Or(event.MemberID(r.Value, "id"), r.String())
	}
	return r.String()
}
