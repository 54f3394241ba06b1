package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// soak watches alarms, of which each look finds the next list in ALARM, and the later ones the last. The first look is
// before it begins.
func soak(t *testing.T, ringing [][]string, fails int) (tried int, err error) {
	s := Soak{Alarms: &function{ringing: ringing}, Pause: 50 * time.Millisecond, Try: func(context.Context) error {
		if tried++; tried == fails {
			return errors.New("the event was not processed")
		}
		return nil
	}}
	err = s.For(t.Context(), 500*time.Millisecond, []string{"dead-letters", "event-age"})
	return tried, err
}

func TestASoakEndsWellWhereAlarmsAreQuietAndEventsGetThrough(t *testing.T) {
	for name, ringing := range map[string][][]string{"always": {{}}, "at the end": {{"event-age"}, {"event-age"}, {}}} {
		if tried, err := soak(t, ringing, 0); err != nil || tried < 2 {
			t.Errorf("quiet %s: %d events: %v", name, tried, err)
		}
	}
}

func TestASoakEndsAtOnceWhereAnAlarmGoesOffOrAnEventIsLost(t *testing.T) {
	tried, err := soak(t, [][]string{{"event-age"}, {"event-age", "dead-letters"}}, 0)
	if err == nil || !strings.Contains(err.Error(), "went off in the soak: dead-letters") || tried != 0 {
		t.Errorf("%d events: %v", tried, err)
	}
	tried, err = soak(t, [][]string{{}}, 1)
	if err == nil || !strings.Contains(err.Error(), "was not processed") || tried != 1 {
		t.Errorf("%d events: %v", tried, err)
	}
}

func TestASoakFailsWhereAnAlarmFromBeforeDoesNotEnd(t *testing.T) {
	_, err := soak(t, [][]string{{"event-age"}}, 0)
	if err == nil || !strings.Contains(err.Error(), "still on: event-age") {
		t.Error(err)
	}
}

func TestASoakEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := Soak{Alarms: &function{ringing: [][]string{{}}}, Pause: time.Hour}
	if err := s.For(ctx, time.Hour, []string{"dead-letters", "event-age"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
