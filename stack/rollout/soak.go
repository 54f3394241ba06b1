package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Soak watches a version for a while after it has taken over.
type Soak struct {
	Alarms Alarms
	Try    func(context.Context) error // sends an event through: without events no alarm goes off
	Pause  time.Duration               // between two checks
}

// For returns an error as soon as an event does not get through, or an alarm goes off that was quiet at first. It also
// returns an error if any alarm is in ALARM at the end: faults of an older version have had time to pass.
func (s Soak) For(ctx context.Context, period time.Duration, watched []string) error {
	c := Canary{Alarms: s.Alarms, Pause: s.Pause}
	before, err := c.ringing(ctx, watched)
	if err != nil {
		return err
	}
	end := time.Now().Add(period)
	for {
		now, err := c.next(ctx, watched)
		if err != nil {
			return fmt.Errorf("soak: %w", err)
		}
		if news := without(now, before); len(news) > 0 {
			return fmt.Errorf("an alarm went off in the soak: %s", strings.Join(news, ", "))
		}
		if err := s.Try(ctx); err != nil {
			return fmt.Errorf("soak: %w", err)
		}
		if time.Now().Before(end) {
			continue
		}
		if len(now) > 0 {
			return fmt.Errorf("after a soak of %s an alarm is still on: %s", period, strings.Join(now, ", "))
		}
		return nil
	}
}
