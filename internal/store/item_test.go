package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"event-processing-service/internal/event"
)

func TestAnItemOfAStatusThatIsUnknownIsUnreadable(t *testing.T) {
	full := entry{outcome: event.Outcome{Status: event.StatusProcessed, At: time.UnixMilli(1)}, version: 1,
		expires: time.Unix(2, 0)}
	item := full.item(subject{Identity: event.Identity{Source: "/s", ID: "1"}})
	if _, err := entryOf(item); err != nil {
		t.Fatal(err)
	}
	item[attrStatus] = text("archived") // as a later version may write it: the event may have taken effect
	if e, err := entryOf(item); !errors.Is(err, event.ErrUnreadable) ||
		!strings.Contains(err.Error(), "attribute status") {
		t.Errorf("it is read as %+v, %v", e, err)
	}
}

func TestAnItemHoldsAllOfAnEntry(t *testing.T) {
	moment := time.UnixMilli(1767225600123).UTC()
	full := entry{
		outcome: event.Outcome{
			Place: event.Place{Topic: "events", Partition: 2, Offset: 42},
			Type:  "t", Client: "shop", Status: event.StatusDeadLettered, Attempts: 5, Hops: 1, At: moment.Add(456),
			Reason: "boom", Letter: event.Place{Topic: "events.dlq", Partition: 1, Offset: 7},
		},
		work:    work{owner: "o", hops: 2, attempts: 3, began: moment, until: moment.Add(time.Minute), reason: "not yet"},
		version: 9, expires: moment.Truncate(time.Second),
	}
	bare := full
	bare.outcome, bare.work = event.Outcome{}, work{}
	unplaced := full
	unplaced.outcome.Letter = event.Place{}
	for name, e := range map[string]entry{"full": full, "without outcome and work": bare,
		"without the dead letter's place": unplaced} {
		got, err := entryOf(e.item(subject{Identity: event.Identity{Source: "/s", ID: "1"}}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&e, got, cmp.AllowUnexported(entry{}, work{}), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
