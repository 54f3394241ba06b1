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
	Try    func(context.Context) error // sends an event through: without any, no alarm would tell
	Pause  time.Duration               // between two looks
}

// For returns an error as soon as an event does not get through, or an alarm goes off that was quiet at first; and at
// the end, where any is still in ALARM: what an older version caused has had its time to pass.
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
